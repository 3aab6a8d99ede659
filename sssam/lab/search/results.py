"""What came of searches, as typed values."""

import statistics
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from sssam.lab.search.design import Design
from sssam.lab.search.space import FAMILIES
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

    def best(self, families: Sequence[str] = FAMILIES) -> Candidate | None:
        """The complete trial of these families with the highest mean, of equal ones the first."""
        complete = [c for c in self.candidates if c.end == "complete" and c.family in families]
        return max(complete, key=lambda each: each.mean, default=None)

    def number(self, end: str) -> int:
        """How many trials ended so."""
        return sum(candidate.end == end for candidate in self.candidates)


class Results(Spec):
    """Searches of one task, over budgets and samplers."""

    searches: tuple[Searched, ...]

    @property
    def budgets(self) -> list[float]:
        """Propagations a step, rising."""
        return sorted({each.design.budget for each in self.searches})

    def at(self, budget: float, sampler: str) -> Searched | None:
        """The search of a sampler at a budget."""
        wanted = (budget, sampler)
        return next(
            (s for s in self.searches if (s.design.budget, s.design.sampler) == wanted), None
        )

    def front(self) -> list[tuple[float, Candidate]]:
        """The Pareto front over all budgets: each best that is better than all cheaper ones.

        In validation accuracy, and so with the optimism of what was chosen for being the best.
        """
        front: list[tuple[float, Candidate]] = []
        for budget in self.budgets:
            bests = [each.best() for each in self.searches if each.design.budget == budget]
            top = max((b for b in bests if b is not None), key=lambda c: c.mean, default=None)
            if top is not None and (not front or top.mean > front[-1][1].mean):
                front.append((budget, top))
        return front
