"""The family of methods in facts, and the tables of it in the documents."""

from sssam.lab.choosing.tables import (
    NOT_MEASURED,
    ROOT,
    STUDIES,
    choosing,
    documents,
    measured,
    overview,
    written,
)

__all__ = [
    "NOT_MEASURED",
    "ROOT",
    "STUDIES",
    "choosing",
    "documents",
    "measured",
    "overview",
    "written",
]
