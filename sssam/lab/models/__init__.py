"""Models by name: equal seeds give equal weights, and no global generator is moved."""

from sssam.lab.models.families import FAMILIES, LIBRARIES, build, check, options

__all__ = ["FAMILIES", "LIBRARIES", "build", "check", "options"]
