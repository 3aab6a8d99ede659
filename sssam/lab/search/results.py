"""What came of searches: as typed values, as a table, and as a study that confirms it."""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from sssam.lab.report.text import EMPTY, Cell
from sssam.lab.search.design import Design
from sssam.lab.specs import Method, Record, Spec
from sssam.lab.studies import settings
from sssam.lab.studies.design import Part, Study, Tunable


class Candidate(Spec):
    """One trial: a method that costs the budget, labelled by its family, and how well it did.

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


def cells(results: Results) -> list[list[Cell]]:
    """The best of each search, a line each; a star marks the Pareto front over budgets."""
    front = {budget for budget, _ in results.front()}
    return [_cells(each, "*" * (each.design.budget in front)) for each in results.searches]


def _cells(searched: Searched, star: str) -> list[Cell]:
    best, reached, spread, rho, schedule = searched.best(), EMPTY, EMPTY, EMPTY, EMPTY
    ends = Counter(each.end for each in searched.candidates)
    trials = ", ".join(f"{n} {end}" for end, n in sorted(ends.items())) or "none"
    if diverged := sum(each.diverged > 0 for each in searched.candidates):
        trials += f"; {diverged} diverged"
    if best is not None:
        diverging = f", runs diverged: {best.diverged}" if best.diverged else ""
        reached, rho = f"{100 * best.mean:.2f}%{diverging}", best.method.radius
        if len(best.scores) > 1:
            spread = f"{100 * statistics.stdev(best.scores):.2f}"
        fraction = best.method.ascent_fraction
        part = "" if fraction == 1 else f", ascents on {fraction:g} of a batch"
        schedule = f"{best.method.scheduling_function()!r}{part}"
    return [
        Cell("budget", f"{searched.design.budget:g}{star}"),
        Cell("validation", reached, best="high"),
        Cell("s, points", spread, best="low"),
        Cell("trials", trials),
        Cell("rho", rho),
        Cell("schedule", schedule),
    ]


def confirm(results: Results, seeds: int) -> Study:
    """The study of the base, of SAM, whose rho is tuned, and of the best method at each budget.

    Args:
        results: of one or several searches of a task.
        seeds: how many seeds it has, counted from 0, which no search uses.

    Raises:
        ValueError: no trial of any search is complete.
    """
    found = [(each.best(), each.design) for each in results.searches]
    methods = [
        best.method.model_copy(update={"label": f"found {of.budget:g} ({best.method.label})"})
        for best, of in found
        if best is not None
    ]
    if not methods:
        raise ValueError("no trial is complete, so there is nothing to confirm: search on")
    design = results.searches[0].design
    trials = (f"{len(each.candidates)} at {each.design.budget:g}" for each in results.searches)
    note = (
        "Schedule and rho of the variants found are those with the best mean validation accuracy "
        f"over {len(design.seeds)} seeds ({design.seeds[0]} on) that the comparison does not use, "
        f"among trials of sssam search: {', '.join(trials)}."
    )
    sam = Tunable(method=Method(label="SAM", kind="sam"), axes={"rho": settings.radii("sam")})
    variants = (sam, *(Tunable(method=method) for method in methods))
    part = Part(task=design.task, variants=variants, note=note)
    return Study(name=f"{design.task.name}-search", parts=(part,), seeds=tuple(range(seeds)))
