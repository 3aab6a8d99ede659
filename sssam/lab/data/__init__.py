"""Data by name: a `DataSpec` and a seed make a `Split`, the same for every method."""

from sssam.lab.data.splits import Split, check, identified, load, pool, reach

__all__ = ["Split", "check", "identified", "load", "pool", "reach"]
