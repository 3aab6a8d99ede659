"""Comparisons of the same rows on several tasks -> one, in which each task has the same weight."""

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean
from typing import NamedTuple

from pydantic import Field

from sssam.lab import stats
from sssam.lab.comparison.contrasts import adjusted, differences, gains
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.specs import Spec
from sssam.lab.stats import ONE_SIDED, Interval, Ratio, estimate, pooled


class PooledVariant(Spec):
    """One row over the tasks, in percentage points of test accuracy: means over tasks.

    `to_sam` and `to_base` are means over tasks of the paired differences (`n` counts seeds of all
    tasks together), `share` the mean gain over SAM's mean gain. `p_value`, that the row keeps SAM's
    mean gain within the mean margin, and `share_p_value`, that it keeps the tasks' share of it, are
    Holm's over the rows, and None where SAM's mean gain is not shown. `by_task` are the differences
    to SAM that went in. None: not defined.
    """

    label: str
    to_sam: Interval | None = None
    to_base: Interval | None = None
    share: Ratio | None = None
    share_p_value: float | None = None
    p_value: float | None = None
    by_task: dict[str, Interval] = Field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the row keeps SAM's gain in the mean over tasks, after Holm's adjustment."""
        return self.p_value is not None and self.p_value < ONE_SIDED

    @property
    def holds_share(self) -> bool:
        """Whether it keeps the share of SAM's gain in the mean, after Holm's adjustment."""
        return self.share_p_value is not None and self.share_p_value < ONE_SIDED


class Pooled(Spec):
    """Rows over tasks of equal weight; `margin` is the mean of the tasks', `share` theirs.

    `left_out` are labels that some task has no difference for, `remarks` what else is to be known.
    """

    tasks: tuple[str, ...]
    margin: float
    share: float
    variants: tuple[PooledVariant, ...]
    left_out: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class _Measured(NamedTuple):
    """A comparison with base and SAM in it, and its rows by label."""

    comparison: Comparison
    base: Variant
    sam: Variant
    rows: dict[str, Variant]

    def gains(self, label: str) -> tuple[list[float], list[float]]:
        """The row's gains over base and SAM's; empty where the row is missing."""
        row = self.rows.get(label)
        return ([], []) if row is None else gains(row, self.base, self.sam)


def pool(comparisons: Sequence[Comparison]) -> Pooled:
    """The mean over tasks, each with the same weight, of what the rows are beside base and SAM.

    Rows go by their labels: a row may have another rho on each task. The errors of the tasks are
    taken for independent; the degrees of freedom are Welch's and Satterthwaite's. The claim is of
    these tasks in the mean, not of each, and not of tasks at large.

    Raises:
        ValueError: fewer than two comparisons, two of one task, tasks whose `share` differs, or one
            without a finished run of base or SAM.
    """
    measured = _measured(comparisons)
    labels = list(dict.fromkeys(label for each in measured for label in each.rows))
    apart = {each.base.label for each in measured}
    every = [label for label in labels if all(each.gains(label)[0] for each in measured)]
    return Pooled(
        tasks=tuple(c.task.name for c in comparisons),
        margin=_margin(measured),
        share=comparisons[0].task.share,
        variants=adjusted([_row(label, measured) for label in every if label not in apart]),
        left_out=tuple(label for label in labels if label not in every),
        remarks=tuple(_remarks(measured)),
    )


def _measured(comparisons: Sequence[Comparison]) -> list[_Measured]:
    names = [c.task.name for c in comparisons]
    if len(set(names)) != len(names) or len(names) < 2:
        raise ValueError(f"pooling takes two or more different tasks, got {names}")
    shares = {c.task.name: c.task.share for c in comparisons}
    if len(set(shares.values())) > 1:
        raise ValueError(f"the tasks' share must be equal to be pooled, got {shares}; set one")
    measured = []
    for c in comparisons:
        rows = {row.label: row for row in c.variants}
        base, sam = _ended(c.base, "the base optimizer", c), _ended(c.sam, "SAM", c)
        measured.append(_Measured(c, base, sam, rows))
    return measured


def _ended(row: Variant | None, name: str, comparison: Comparison) -> Variant:
    task = comparison.task.name
    if row is None:
        raise ValueError(f"task {task!r} has no run of {name}; train it, then pool")
    if not row.runs.finished:
        raise ValueError(f"task {task!r} has no run of {name} that finished; leave it out")
    return row


def _margin(measured: Sequence[_Measured]) -> float:
    return fmean(each.comparison.task.margin for each in measured)


def _row(label: str, measured: Sequence[_Measured]) -> PooledVariant:
    to_base = pooled([estimate(differences(m.rows[label], m.base)) for m in measured])
    if any(m.sam.label == label for m in measured):
        return PooledVariant(label=label, to_base=to_base.interval())
    by_task = [estimate(differences(m.rows[label], m.sam)) for m in measured]
    samples = [m.gains(label) for m in measured]
    to_sam, share = pooled(by_task), measured[0].comparison.task.share
    p_value = stats.keeps_p_value(to_sam, to_base, _margin(measured))
    return PooledVariant(
        label=label,
        to_sam=to_sam.interval(),
        to_base=to_base.interval(),
        p_value=p_value if _is_gain_shown(measured) else None,
        share=_share(samples),
        share_p_value=stats.pooled_share_p_value(samples, share),
        by_task={
            m.comparison.task.name: e.interval() for m, e in zip(measured, by_task, strict=True)
        },
    )


def _is_gain_shown(measured: Sequence[_Measured]) -> bool:
    """Whether the interval of SAM's own mean gain is wholly above zero."""
    return pooled([estimate(differences(m.sam, m.base)) for m in measured]).interval().above_zero


def _share(samples: Sequence[tuple[list[float], list[float]]]) -> Ratio | None:
    """None where SAM's mean gain is exactly zero."""
    sam_gain = pooled([estimate(gain) for _, gain in samples])
    return stats.pooled_share(samples) if sam_gain.mean else None


def _remarks(measured: Sequence[_Measured]) -> list[str]:
    """Tasks on the same data: where they share seeds they share splits, so are not independent."""
    said = []
    for one, other in combinations((m.comparison for m in measured), 2):
        data, same = one.task.data, set(one.seeds) & set(other.seeds)
        if (data.name, data.path) == (other.task.data.name, other.task.data.path) and same:
            said.append(
                f"{one.task.name} and {other.task.name} split the same data by the same seeds; "
                "their errors may be related, and the intervals then too short."
            )
    return said
