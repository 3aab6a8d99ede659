"""How flat the loss is where a run ended: what is measured, at which weights, and its files."""

from sssam.lab.flatness.trained import Solution, between, measure, opened

__all__ = ["Solution", "between", "measure", "opened"]
