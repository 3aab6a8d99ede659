"""The laboratory: measures what each method costs and brings. `sssam` never uses it."""

from sssam.lab.problem import Problem

__all__ = ["Problem"]
