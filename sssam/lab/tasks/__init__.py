"""Tasks: by name, from a path or from a file of one's own, and the `Problem` that each is."""

from sssam.lab.tasks.catalogue import TASKS
from sssam.lab.tasks.changes import changed, check, settings, survey
from sssam.lab.tasks.named import find, word

__all__ = [
    "TASKS",
    "changed",
    "check",
    "find",
    "settings",
    "survey",
    "word",
]
