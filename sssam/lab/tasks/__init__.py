"""Tasks: by name, from a path or from a file of one's own, and the `Problem` that each is."""

from sssam.lab.tasks.catalogue import TASKS
from sssam.lab.tasks.named import changed, check, find, settings
from sssam.lab.tasks.problems import survey

__all__ = ["TASKS", "changed", "check", "find", "settings", "survey"]
