"""Schedule search: at a fixed budget of propagations, on validation data alone."""

from sssam.lab.search.design import Design
from sssam.lab.search.results import Candidate, Results, Searched, confirm
from sssam.lab.search.search import search

__all__ = ["Candidate", "Design", "Results", "Searched", "confirm", "search"]
