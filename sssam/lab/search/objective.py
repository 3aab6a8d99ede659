"""What a trial is worth: mean validation accuracy over the search's seeds, and nothing of the test.

Everything that a trial leaves stands in its user attributes: `method`, `scores` (one a seed),
`curves` (a seed's validation accuracy at each epoch's end), `spent` (propagations a step really
run, one a seed), `outcomes` (whether a seed's run finished or diverged), and for a trial that
raised, `error`.
"""

import statistics
import traceback
from collections.abc import Sequence
from typing import Any

from optuna import Trial, TrialPruned
from optuna.pruners import BasePruner, MedianPruner, NopPruner

from sssam.lab.search.design import Design
from sssam.lab.search.space import propose
from sssam.lab.specs import Method, Record
from sssam.lab.training.train import Epoch, train

#: Trials that are trained to their end before any is pruned.
UNPRUNED = 5


class CostError(RuntimeError):
    """A run did not cost the budget: a mistake of ours, never the sampler's."""


def pruner(design: Design) -> BasePruner:
    """What gives up a trial whose mean so far lies below the median of those before it."""
    if design.prune == "never":
        return NopPruner()
    return MedianPruner(n_startup_trials=UNPRUNED)


class Objective:
    """Trains a trial on one seed after the other, and reports to the pruner.

    With `prune="seeds"` it reports the mean over the seeds so far, after each; with "epochs" the
    same with the present seed's accuracy, at the end of each epoch of the later half of its run.
    """

    def __init__(self, design: Design, total_steps: int) -> None:
        self.design, self.total_steps = design, total_steps

    def __call__(self, trial: Trial) -> float:
        """The mean validation accuracy, in [0, 1].

        Raises:
            TrialPruned: given up.
            Exception: whatever the task raises; the trial keeps the traceback.
        """
        try:
            return self._judged(trial)
        except TrialPruned:
            raise
        except Exception:
            trial.set_user_attr("error", traceback.format_exc())
            raise

    def _judged(self, trial: Trial) -> float:
        method = propose(trial, self.design, self.total_steps)
        trial.set_user_attr("method", method.model_dump(mode="json"))
        scores: list[float] = []
        records: list[Record] = []
        for seed in self.design.seeds:
            records.append(self._run(trial, method, seed, scores))
            left = _left(records)
            for name, values in left.items():
                trial.set_user_attr(name, values)
            scores = left["scores"]
            if self.design.prune == "seeds" and len(scores) < len(self.design.seeds):
                self._report(trial, statistics.fmean(scores), len(scores))
        return statistics.fmean(scores)

    def _run(self, trial: Trial, method: Method, seed: int, before: list[float]) -> Record:
        def report(epoch: Epoch) -> None:
            if 2 * epoch.epoch <= self.design.epochs:
                return  # a schedule that spends its budget late has not begun to
            step = len(before) * self.design.epochs + epoch.epoch
            so_far = statistics.fmean([*before, epoch.point.validation_accuracy])
            self._report(trial, so_far, step)

        every = report if self.design.prune == "epochs" else None
        record = train(self.design.run(method, seed), test=False, on_epoch=every)
        require_cost(record, self.design, self.total_steps)
        return record

    def _report(self, trial: Trial, mean: float, step: int) -> None:
        trial.report(mean, step)
        if trial.should_prune():
            raise TrialPruned


def _left(records: Sequence[Record]) -> dict[str, list[Any]]:
    """What a trial keeps of its runs, under the names of its user attributes."""
    return {
        "scores": [record.validation_accuracy or 0.0 for record in records],
        "curves": [[round(p.validation_accuracy, 6) for p in r.curve] for r in records],
        "spent": [record.propagations or 0.0 for record in records],
        "outcomes": [record.outcome for record in records],
    }


def require_cost(record: Record, design: Design, total_steps: int) -> None:
    """Makes sure that a run cost the budget.

    Raises:
        CostError: the expected cost differs by more than 1e-9; or, with systematic draws, the
            cost of a run that came to its end by more than one step's ascent.
    """
    expected, spent = record.expected_propagations, record.propagations
    if expected is None or abs(expected - design.budget) > 1e-9:
        raise CostError(f"a run at {design.budget:g} propagations is expected to cost {expected}")
    exact = design.draws == "systematic" and record.steps == total_steps
    whole = record.run.method.ascent_fraction == 1.0  # a part of a last, smaller batch is rounded
    if exact and whole and (spent is None or abs(spent - design.budget) > 1.001 / total_steps):
        raise CostError(f"a run at {design.budget:g} propagations cost {spent}")
