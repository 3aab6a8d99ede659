"""Comparisons of the same variants on several tasks -> one, each task with the same weight."""

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean
from typing import NamedTuple

from pydantic import Field

from sssam.lab import stats
from sssam.lab.comparison.values import Claim, Comparison, Variant
from sssam.lab.specs import Spec
from sssam.lab.stats import ONE_SIDED, Estimate, Interval


class PooledVariant(Spec):
    """One variant over the tasks, as means over them of relative reductions of the error.

    `cost` and `seconds` are the means of the prices; None where a task has none, or too noisy a
    clock to state one. A relative reduction is a difference in test accuracy over the base's mean
    test error on that task, in percent: 10 means that a tenth of the base's errors is gone.
    `to_base` and `to_sam` are over those two, `to_control` over each task's own best control that
    costs no more, `by_task` the parts of that mean. `wins`, `ties` and `losses` count the tasks by
    whether that interval lies above zero, holds it, or lies below. `p_value` is one-sided, that the
    mean is above zero against each task's hardest control, Holm's over the variants; None where a
    task refuses its claim, or a run of the variant or of that control diverged.
    """

    label: str
    cost: float | None = None
    seconds: float | None = None
    to_base: Interval
    to_sam: Interval | None = None
    to_control: Interval | None = None
    by_task: dict[str, Interval] = Field(default_factory=dict)
    wins: int = 0
    ties: int = 0
    losses: int = 0
    p_value: float | None = None

    @property
    def established(self) -> bool:
        """Whether it is above the tasks' controls of its price in the mean, after adjustment."""
        return self.p_value is not None and self.p_value < ONE_SIDED


class Pooled(Spec):
    """Variants over tasks of equal weight.

    `left_out` are labels that some task has no difference for, `related` pairs of tasks that split
    the same data by the same seeds, whose errors may be related: the intervals may be too short.
    """

    tasks: tuple[str, ...]
    variants: tuple[PooledVariant, ...]
    left_out: tuple[str, ...] = ()
    related: tuple[tuple[str, str], ...] = ()


class _Task(NamedTuple):
    """A comparison, its base, the base's error in percent, and the variants by label."""

    comparison: Comparison
    base: Variant
    error: float
    variants: dict[str, Variant]

    def reduction(self, difference: Interval) -> Estimate:
        """A difference in points as a part of the base's error, in percent."""
        factor = 100 / self.error
        error = factor * difference.error
        return Estimate(factor * difference.mean, error, difference.freedom, difference.n)


def pool(comparisons: Sequence[Comparison]) -> Pooled:
    """The mean over tasks, each with the same weight, of what the variants are beside the base.

    Variants go by their labels: one may have another rho on each task. The errors of the tasks are
    taken for independent, and the base's mean error, which scales a task, for known; the degrees of
    freedom are Welch's and Satterthwaite's. The claim is of these tasks in the mean, not of each,
    and not of tasks at large.

    Raises:
        ValueError: fewer than two comparisons, two of one task, or one without a finished run of
            the base or without an error of it.
    """
    tasks = _tasks(comparisons)
    labels = list(dict.fromkeys(label for each in tasks for label in each.variants))
    bases = {each.base.label for each in tasks}
    every = [label for label in labels if all(_is_measured(each, label) for each in tasks)]
    found = [_pooled(label, tasks) for label in every if label not in bases]
    return Pooled(
        tasks=tuple(c.task.name for c in comparisons),
        variants=_adjusted(found, {v.label for t in tasks for v in t.comparison.candidates}),
        left_out=tuple(label for label in labels if label not in every),
        related=tuple(_related(comparisons)),
    )


def _tasks(comparisons: Sequence[Comparison]) -> list[_Task]:
    names = [c.task.name for c in comparisons]
    if len(set(names)) != len(names) or len(names) < 2:
        raise ValueError(f"pooling takes two or more different tasks, got {names}")
    found = []
    for c in comparisons:
        if c.base is None or c.base.accuracy is None or not c.base.runs.finished:
            raise ValueError(
                f"task {c.task.name!r} has no finished run of the base optimizer; train it, or "
                "leave the task out"
            )
        error = 100 - c.base.accuracy.mean
        if error <= 0:
            raise ValueError(
                f"the base's error on task {c.task.name!r} is {error:g}, must be above 0 to be "
                "reduced; leave the task out"
            )
        found.append(_Task(c, c.base, error, {v.label: v for v in c.variants}))
    return found


def _is_measured(task: _Task, label: str) -> bool:
    variant = task.variants.get(label)
    return variant is not None and (variant is task.base or variant.to_base is not None)


def _pooled(label: str, tasks: Sequence[_Task]) -> PooledVariant:
    variants = [each.variants[label] for each in tasks]
    claims = [v.claim for v in variants]
    to_base = _mean(tasks, [v.to_base for v in variants])
    assert to_base is not None  # of variants that are measured on every task
    hardest = _mean(tasks, [None if c is None else c.to_hardest for c in claims])
    allowed = all(_is_allowed(*each) for each in zip(tasks, variants, claims, strict=True))
    by_task = {
        task.comparison.task.name: task.reduction(claim.difference).interval()
        for task, claim in zip(tasks, claims, strict=True)
        if claim is not None
    }
    wins = sum(each.above_zero for each in by_task.values())
    losses = sum(each.below_zero for each in by_task.values())
    return PooledVariant(
        label=label,
        cost=_price([v.cost for v in variants]),
        seconds=_price([None if v.has_noisy_clock else v.seconds for v in variants]),
        to_base=to_base.interval(),
        to_sam=_interval(_mean(tasks, [v.to_sam for v in variants])),
        to_control=_interval(_mean(tasks, [None if c is None else c.difference for c in claims])),
        by_task=by_task,
        wins=wins,
        ties=len(by_task) - wins - losses,
        losses=losses,
        p_value=None if hardest is None or not allowed else hardest.above(0.0),
    )


def _is_allowed(task: _Task, variant: Variant, claim: Claim | None) -> bool:
    if claim is None or claim.p_value is None:
        return False
    return not (variant.runs.diverged or task.variants[claim.hardest].runs.diverged)


def _mean(tasks: Sequence[_Task], differences: Sequence[Interval | None]) -> Estimate | None:
    """Of the relative reductions; None where a task has none."""
    known = [each for each in differences if each is not None]
    if len(known) < len(tasks):
        return None
    return stats.pooled([t.reduction(each) for t, each in zip(tasks, known, strict=True)])


def _price(prices: Sequence[float | None]) -> float | None:
    known = [price for price in prices if price is not None]
    return fmean(known) if len(known) == len(prices) else None


def _interval(estimate: Estimate | None) -> Interval | None:
    return None if estimate is None else estimate.interval()


def _adjusted(found: Sequence[PooledVariant], candidates: set[str]) -> tuple[PooledVariant, ...]:
    """Holm's over all but the controls; one that is refused counts as 1."""
    p_values = [v.p_value for v in found]
    counted = [
        (1.0 if v.p_value is None else v.p_value) if v.label in candidates else None for v in found
    ]
    return tuple(
        v.model_copy(update={"p_value": None if p is None else q})
        for v, p, q in zip(found, p_values, stats.holm(counted), strict=True)
    )


def _related(comparisons: Sequence[Comparison]) -> list[tuple[str, str]]:
    """Tasks on the same data: where they share seeds they share splits, so are not independent."""
    return [
        (one.task.name, other.task.name)
        for one, other in combinations(comparisons, 2)
        if _data(one) == _data(other) and set(one.seeds) & set(other.seeds)
    ]


def _data(comparison: Comparison) -> tuple[str, str | None]:
    return comparison.task.data.name, comparison.task.data.path
