"""What searches found, as typed values: read from the storage, and never trained."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from optuna.trial import FrozenTrial, TrialState
from pydantic import Field

from sssam.lab.search.design import Design
from sssam.lab.search.space import FAMILIES
from sssam.lab.search.storage import Place, study
from sssam.lab.search.tally import count, is_interrupted
from sssam.lab.specs import Method, Spec

Share = Annotated[float, Field(ge=0, le=1)]


class Candidate(Spec):
    """One trial that ended.

    `scores` are validation accuracies in [0, 1], one a seed that was trained; `spent` the
    propagations a step that these runs really cost; `outcomes` how they ended, of searches that
    kept it; `curve` the first seed's validation accuracy at the end of each epoch. A pruned trial
    has fewer seeds; a failed one says why in `error`.
    """

    number: int
    end: Literal["complete", "pruned", "failed"]
    method: Method | None = None
    scores: tuple[Share, ...] = ()
    spent: tuple[float, ...] = ()
    outcomes: tuple[Literal["finished", "diverged"], ...] = ()
    curve: tuple[Share, ...] = ()
    error: str | None = None

    @property
    def family(self) -> str:
        """The name of its family or free form, empty where it failed before it had one."""
        return "" if self.method is None else self.method.label

    @property
    def mean(self) -> float:
        """Mean validation accuracy over its seeds so far, 0 where there are none."""
        return statistics.fmean(self.scores) if self.scores else 0.0

    @property
    def diverged(self) -> int:
        """How many of its runs diverged; each counts with the accuracy that it reached."""
        return self.outcomes.count("diverged")


class Found(Spec):
    """One search with the trials that ended, in the order in which they were begun.

    `again` counts trials that were lost with their process and tried anew.
    """

    design: Design
    candidates: tuple[Candidate, ...]
    again: int = 0

    def best(self, families: Sequence[str] = FAMILIES) -> Candidate | None:
        """The complete trial of these families with the highest mean, of equal ones the first."""
        complete = [c for c in self.candidates if c.end == "complete" and c.family in families]
        return max(complete, key=lambda each: each.mean, default=None)

    def number(self, end: str) -> int:
        """How many trials ended so."""
        return sum(candidate.end == end for candidate in self.candidates)


class Findings(Spec):
    """Searches of one task, over budgets and samplers."""

    searches: tuple[Found, ...]

    @property
    def budgets(self) -> list[float]:
        """Propagations a step, rising."""
        return sorted({found.design.budget for found in self.searches})

    def at(self, budget: float, sampler: str) -> Found | None:
        """The search of a sampler at a budget."""
        wanted = (budget, sampler)
        return next(
            (f for f in self.searches if (f.design.budget, f.design.sampler) == wanted), None
        )

    def front(self) -> list[tuple[float, Candidate]]:
        """The Pareto front over all budgets: each best that is better than all cheaper ones.

        In validation accuracy, and so with the optimism of what was chosen for being the best.
        """
        front: list[tuple[float, Candidate]] = []
        for budget in self.budgets:
            bests = [found.best() for found in self.searches if found.design.budget == budget]
            top = max((b for b in bests if b is not None), key=lambda c: c.mean, default=None)
            if top is not None and (not front or top.mean > front[-1][1].mean):
                front.append((budget, top))
        return front


def read(designs: Iterable[Design], place: Place) -> Findings:
    """What a storage holds of these searches.

    Raises:
        ValueError, ConnectionError: as `sssam.lab.search.storage`.
    """
    storage = place.open()
    searches = []
    for design in designs:
        held = study(design, storage)
        ended = [
            _candidate(trial) for trial in held.get_trials(deepcopy=False) if _has_ended(trial)
        ]
        again = count(held, lambda _: False).lost
        searches.append(Found(design=design, candidates=tuple(ended), again=again))
    return Findings(searches=tuple(searches))


def _has_ended(trial: FrozenTrial) -> bool:
    return trial.state.is_finished() and not is_interrupted(trial)


_ENDS: dict[TrialState, Literal["complete", "pruned", "failed"]] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


def _candidate(trial: FrozenTrial) -> Candidate:
    left = trial.user_attrs
    end = _ENDS[trial.state]
    died = "its process died each time that it was tried"
    curves = left.get("curves", [])
    return Candidate(
        number=trial.number,
        end=end,
        method=Method.model_validate(left["method"]) if "method" in left else None,
        scores=tuple(left.get("scores", ())),
        spent=tuple(left.get("spent", ())),
        outcomes=tuple(left.get("outcomes", ())),
        curve=tuple(curves[0]) if curves else (),
        error=left.get("error", died) if end == "failed" else None,
    )
