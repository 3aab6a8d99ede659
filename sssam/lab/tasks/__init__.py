"""Tasks: by name, from a path or from a file of one's own, and the `Problem` that each is."""

from sssam.lab.tasks.catalogue import TASKS
from sssam.lab.tasks.named import (
    DEFAULT_SEEDS,
    changed,
    check,
    default_rows,
    find,
    settings,
    survey,
    untuned_rows,
    word,
)

__all__ = [
    "DEFAULT_SEEDS",
    "TASKS",
    "changed",
    "check",
    "default_rows",
    "find",
    "settings",
    "survey",
    "untuned_rows",
    "word",
]
