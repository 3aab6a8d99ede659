"""The rho of each row, as `sssam tune TASK --keep` chose it: one JSON file a task."""

from sssam.lab.tuned.values import FALLBACK, Row, Score, Tuned, keep, path, read

__all__ = ["FALLBACK", "Row", "Score", "Tuned", "keep", "path", "read"]
