"""The rho of each row, as `sssam tune TASK` chose it: those of built-in tasks, or of a file."""

from sssam.lab.tuned.values import FILE, Row, Score, Tuned, load, read

__all__ = ["FILE", "Row", "Score", "Tuned", "load", "read"]
