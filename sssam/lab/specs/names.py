"""Names that users give: as names of files, and the known ones that are nearest."""

import difflib
import re
from collections.abc import Iterable


def safe(name: str) -> str:
    """A name as that of a file.

    >>> safe("../late blocks")
    'late-blocks'
    """
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "study"


def nearest(kind: str, name: str, known: Iterable[str]) -> str:
    """The text of an error for an unknown name: the nearest ones, then all that there are."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    return f"unknown {kind} {name!r}: {hint}known are {', '.join(names)}"
