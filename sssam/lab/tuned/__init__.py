"""The rho of each row, as `sssam tune TASK` chose it: those of built-in tasks, or of a file."""

from sssam.lab.tuned.values import Row, Score, Tuned, load, read

__all__ = ["Row", "Score", "Tuned", "load", "read"]
