"""Comparisons of the same variants on several tasks -> one, each task with the same weight."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import fmean

from pydantic import Field

from sssam.lab import stats
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.specs import Spec
from sssam.lab.stats import ONE_SIDED, Interval


class PooledVariant(Spec):
    """One variant over the tasks, as means over them of relative reductions of the error.

    `cost` and `seconds` are the means of the prices; None where a task has none, or too noisy a
    clock to state one. A relative reduction is a difference in test accuracy over the base's mean
    test error on that task, in percent: 10 means that a tenth of the base's errors is gone.
    `to_base` and `to_sam` are over those two, `to_control` over each task's own best control that
    costs no more, `by_task` the parts of that mean. `p_value` is one-sided, that the mean is above
    zero against each task's hardest control, Holm's over the variants; None where a task refuses
    its claim, or a run of the variant or of that control diverged.
    """

    label: str
    cost: float | None = None
    seconds: float | None = None
    to_base: Interval
    to_sam: Interval | None = None
    to_control: Interval | None = None
    by_task: dict[str, Interval] = Field(default_factory=dict)
    p_value: float | None = None

    @property
    def established(self) -> bool:
        """Whether it is above the tasks' controls of its price in the mean, after adjustment."""
        return self.p_value is not None and self.p_value < ONE_SIDED

    @property
    def counts(self) -> tuple[int, int, int]:
        """Tasks won, tied and lost: that interval lies above zero, holds it, or lies below."""
        won = sum(each.above_zero for each in self.by_task.values())
        lost = sum(each.below_zero for each in self.by_task.values())
        return won, len(self.by_task) - won - lost, lost


class Pooled(Spec):
    """Variants over tasks of equal weight.

    `left_out` are labels that some task has no difference for, `related` pairs of tasks that split
    the same data by the same seeds, whose errors may be related: the intervals may be too short.
    """

    tasks: tuple[str, ...]
    variants: tuple[PooledVariant, ...]
    left_out: tuple[str, ...] = ()
    related: tuple[tuple[str, str], ...] = ()


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
    names = tuple(c.task.name for c in comparisons)
    if len(set(names)) != len(names) or len(names) < 2:
        raise ValueError(f"pooling takes two or more different tasks, got {list(names)}")
    factors = [100 / _error(c) for c in comparisons]
    by_label = [{v.label: v for v in c.variants} for c in comparisons]
    bases = {c.base.label for c in comparisons if c.base is not None}
    labels = dict.fromkeys(label for each in by_label for label in each)
    every = [
        label
        for label in labels
        if all(label in v and (v[label].to_base or label in bases) for v in by_label)
    ]
    tested = [label for label in every if label not in bases]
    found = [_pooled(names, [v[label] for v in by_label], comparisons, factors) for label in tested]
    candidates = {v.label for c in comparisons for v in c.candidates}
    return Pooled(
        tasks=names,
        variants=_adjusted(found, candidates),
        left_out=tuple(label for label in labels if label not in every),
        related=tuple(_related(comparisons)),
    )


def _error(comparison: Comparison) -> float:
    """The base's mean error in percent."""
    base, name = comparison.base, comparison.task.name
    if base is None or base.accuracy is None or not base.runs.finished:
        raise ValueError(
            f"task {name!r} has no finished run of the base optimizer; train it, or leave the task "
            "out"
        )
    error = 100 - base.accuracy.mean
    if error <= 0:
        raise ValueError(
            f"the base's error on task {name!r} is {error:g}, must be above 0 to be reduced; leave "
            "the task out"
        )
    return error


def _pooled(
    tasks: Sequence[str],
    variants: Sequence[Variant],
    comparisons: Sequence[Comparison],
    factors: Sequence[float],
) -> PooledVariant:
    claims = [v.claim for v in variants]
    to_base = _mean([v.to_base for v in variants], factors)
    assert to_base is not None  # of variants that are measured on every task
    hardest = _mean([None if c is None else c.to_hardest for c in claims], factors)
    allowed = all(map(_is_allowed, variants, comparisons))
    return PooledVariant(
        label=variants[0].label,
        cost=_price(v.cost for v in variants),
        seconds=_price(None if v.has_noisy_clock else v.seconds for v in variants),
        to_base=to_base,
        to_sam=_mean([v.to_sam for v in variants], factors),
        to_control=_mean([None if c is None else c.difference for c in claims], factors),
        by_task={
            task: claim.difference.scaled(factor)
            for task, claim, factor in zip(tasks, claims, factors, strict=True)
            if claim is not None
        },
        p_value=hardest.above(0.0) if hardest is not None and allowed else None,
    )


def _mean(differences: Sequence[Interval | None], factors: Sequence[float]) -> Interval | None:
    """The mean of the relative reductions; None where a task has none."""
    pairs = zip(differences, factors, strict=True)
    scaled = [each.scaled(factor) for each, factor in pairs if each is not None]
    return stats.pooled(scaled) if len(scaled) == len(factors) else None


def _is_allowed(variant: Variant, comparison: Comparison) -> bool:
    """Whether its task claims something of a variant, and no run of it or its control diverged."""
    claim = variant.claim
    if claim is None or claim.p_value is None:
        return False
    hardest = next(v for v in comparison.variants if v.label == claim.hardest)
    return not (variant.runs.diverged or hardest.runs.diverged)


def _price(prices: Iterable[float | None]) -> float | None:
    every = list(prices)
    known = [price for price in every if price is not None]
    return fmean(known) if len(known) == len(every) else None


def _adjusted(variants: Sequence[PooledVariant], candidates: set[str]) -> tuple[PooledVariant, ...]:
    """Holm's over all but the controls; one that is refused counts as 1."""
    tested = [v for v in variants if v.label in candidates]
    adjusted = stats.holm([v.p_value for v in tested])
    by_label = {v.label: p for v, p in zip(tested, adjusted, strict=True)}
    return tuple(v.model_copy(update={"p_value": by_label.get(v.label)}) for v in variants)


def _related(comparisons: Sequence[Comparison]) -> list[tuple[str, str]]:
    """Tasks on the same data: where they share seeds they share splits, so are not independent."""
    data = {c.task.name: (c.task.data.name, c.task.data.path) for c in comparisons}
    return [
        (one.task.name, other.task.name)
        for one, other in combinations(comparisons, 2)
        if data[one.task.name] == data[other.task.name] and set(one.seeds) & set(other.seeds)
    ]
