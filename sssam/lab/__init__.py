"""The laboratory: measures what each method costs and brings. `sssam` never uses it."""

from sssam.lab.tasks.problem import Problem

__all__ = ["Problem"]
