"""Schedule search: at a fixed budget of propagations, on validation data alone."""

from sssam.lab.search.design import Design
from sssam.lab.search.drive import search
from sssam.lab.search.findings import Candidate, Findings, Found, read
from sssam.lab.search.storage import Place

__all__ = ["Candidate", "Design", "Findings", "Found", "Place", "read", "search"]
