"""Names that users give, as names of files."""

import re


def safe(name: str) -> str:
    """A name as that of a file.

    >>> safe("../late blocks")
    'late-blocks'
    """
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "study"
