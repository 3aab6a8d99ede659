"""What came of searches, as typed values."""

import statistics
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from sssam.lab.search.design import Design
from sssam.lab.specs import Method, Record, Spec


class Candidate(Spec):
    """One trial: a method that costs the budget, and how well it did.

    `scores` are validation accuracies in [0, 1], one a seed that was trained; a pruned trial has
    the first seed's alone. `diverged` of its runs diverged; they count with the accuracy that they
    reached. A failed trial says why in `error`.
    """

    method: Method
    end: Literal["complete", "pruned", "failed"]
    scores: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    diverged: int = 0
    error: str | None = None

    @property
    def family(self) -> str:
        """The name of its family or free form."""
        return self.method.label

    @property
    def mean(self) -> float:
        """Mean validation accuracy over its seeds."""
        return statistics.fmean(self.scores)


def candidate(method: Method, records: Sequence[Record], pruned: bool) -> Candidate:
    """What the records of a method, one a seed, say of it; a failed run counts as 0."""
    errors = [record.error or "unknown" for record in records if record.outcome == "failed"]
    return Candidate(
        method=method,
        end="failed" if errors else "pruned" if pruned else "complete",
        scores=tuple(record.validation_accuracy or 0.0 for record in records),
        diverged=sum(record.outcome == "diverged" for record in records),
        error=errors[0] if errors else None,
    )


class Searched(Spec):
    """One search with its trials, in the order in which they were drawn."""

    design: Design
    candidates: tuple[Candidate, ...]

    def best(self) -> Candidate | None:
        """The complete trial with the highest mean, of equal ones the first."""
        complete = (c for c in self.candidates if c.end == "complete")
        return max(complete, key=lambda each: each.mean, default=None)

    def number(self, end: str) -> int:
        """How many trials ended so."""
        return sum(candidate.end == end for candidate in self.candidates)


class Results(Spec):
    """Searches of one task, by rising budget."""

    searches: tuple[Searched, ...]

    def front(self) -> list[tuple[float, Candidate]]:
        """The Pareto front over all budgets: each best that is better than all cheaper ones.

        In validation accuracy, and so with the optimism of what was chosen for being the best.
        """
        front: list[tuple[float, Candidate]] = []
        for each in self.searches:
            best = each.best()
            if best is not None and (not front or best.mean > front[-1][1].mean):
                front.append((each.design.budget, best))
        return front
