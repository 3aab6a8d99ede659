"""What each row is beside the base optimizer and beside SAM: paired by seed, then adjusted."""

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from sssam.lab import stats
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.specs import Record, Task

#: The records of one method, by seed.
BySeed = Mapping[int, Record]


class _Judged(Protocol):
    """A row of one task or of several, as far as claims on it are adjusted."""

    @property
    def p_value(self) -> float | None: ...
    @property
    def share(self) -> stats.Ratio | None: ...
    @property
    def share_p_value(self) -> float | None: ...
    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self: ...


Judged = TypeVar("Judged", bound=_Judged)


def contrasted(comparison: Comparison) -> Comparison:
    """The comparison with each row's contrasts, then Holm's adjustments over the rows.

    Nothing is tested where no run of SAM or of the base optimizer finished: what such a row ended
    at is no reference.
    """
    base, sam, task = comparison.base, comparison.sam, comparison.task
    rows = [_beside(row, base, sam, task.margin) for row in comparison.variants]
    if base is not None and sam is not None and base.runs.finished and sam.runs.finished:
        apart = (base.label, sam.label)
        rows = [row if row.label in apart else _tested(row, base, sam, task) for row in rows]
    return comparison.model_copy(update={"variants": adjusted(rows)})


def adjusted(rows: Sequence[Judged]) -> tuple[Judged, ...]:
    """The rows with Holm's adjustments of their p-values.

    A row whose own seeds do not identify a share has no p-value of it, yet counts among the others:
    which rows are tested must not depend on what was measured.
    """
    keeping = stats.holm([row.p_value for row in rows])
    asked = [row.share_p_value for row in rows]
    counted = [
        1.0 if p is None and row.share is not None else p
        for row, p in zip(rows, asked, strict=True)
    ]
    sharing = [None if p is None else q for p, q in zip(asked, stats.holm(counted), strict=True)]
    return tuple(
        row.model_copy(update={"p_value": p, "share_p_value": q})
        for row, p, q in zip(rows, keeping, sharing, strict=True)
    )


def differences(row: Variant, other: Variant) -> list[float]:
    """A row's accuracies less another's, in points, at the seeds that both have."""
    both = [seed for seed in row.accuracies if seed in other.accuracies]
    return [_less(row.accuracies[seed], other.accuracies[seed]) for seed in both]


def gains(row: Variant, base: Variant, sam: Variant) -> tuple[list[float], list[float]]:
    """The gains over base of a row and of SAM, in points, at the seeds that all three have."""
    seeds = [s for s in row.accuracies if s in base.accuracies and s in sam.accuracies]
    own, reference, best = row.accuracies, base.accuracies, sam.accuracies
    return [_less(own[s], reference[s]) for s in seeds], [
        _less(best[s], reference[s]) for s in seeds
    ]


def _less(accuracy: float, other: float) -> float:
    """Rounded far below one example, so that equal differences of counts are equal numbers.

    Else a row that lies at the margin at every seed is tested on what 100 * k / n rounds to.
    """
    return round(accuracy - other, 9)


def _beside(row: Variant, base: Variant | None, sam: Variant | None, margin: float) -> Variant:
    update: dict[str, object] = {}
    to_base = [] if base is None or row.label == base.label else differences(row, base)
    to_sam = [] if sam is None or row.label == sam.label else differences(row, sam)
    if to_base:
        update |= {
            "to_base": stats.interval(to_base),
            "to_base_bootstrap": stats.bootstrap(to_base),
        }
    if to_sam:
        update |= {
            "to_sam": stats.interval(to_sam),
            "to_sam_bootstrap": stats.bootstrap(to_sam),
            "detectable": stats.detectable(to_sam),
            "seeds_needed": stats.seeds_needed(to_sam, margin),
        }
    return row.model_copy(update=update)


def _tested(row: Variant, base: Variant, sam: Variant, task: Task) -> Variant:
    """The row with what is claimed of it; of SAM's gain only where that is shown."""
    to_base, to_sam, gain = differences(row, base), differences(row, sam), differences(sam, base)
    update: dict[str, object] = {}
    if to_base and to_sam and gain and stats.interval(gain).above_zero:
        update |= _kept(to_sam, to_base, task.margin)
    update |= _share(*gains(row, base, sam), task.share)
    if not row.runs.finished:
        update["share"] = None  # the part of a gain that runs which came to nothing keep
    return row.model_copy(update=update)


def _kept(to_sam: list[float], to_base: list[float], margin: float) -> dict[str, object]:
    keeps = stats.keeps(stats.interval(to_sam), stats.interval(to_base), margin)
    return {
        "keeps": keeps if min(len(to_sam), len(to_base)) > 1 else None,
        "p_value": stats.keeps_p_value(to_sam, to_base, margin),
    }


def _share(gain: list[float], sam_gain: list[float], share: float) -> dict[str, object]:
    """Nothing where no seed has all three, or where SAM's mean gain is exactly zero."""
    if not gain or stats.estimate(sam_gain).mean == 0:
        return {}
    return {
        "share": stats.share(gain, sam_gain),
        "share_p_value": stats.keeps_share_p_value(gain, sam_gain, share),
    }


def noise(by_seed: BySeed, reference: BySeed) -> stats.Noise | None:
    """The noise of the difference in accuracy between two methods, from what was right by example.

    None where fewer than two seeds have both, or the records do not hold what was right by example
    (a metric in shares has no bit set).
    """
    pairs = [(by_seed[s], reference[s]) for s in by_seed if s in reference]
    pairs = [(a, b) for a, b in pairs if _same_examples(a, b) and _told(a) and _told(b)]
    outcomes = [right(a) - right(b) for a, b in pairs]
    return stats.noise(outcomes, _shared([a.test_hash for a, _ in pairs]))


def _same_examples(a: Record, b: Record) -> bool:
    """Whether two records were judged on the same test examples, as far as they tell."""
    alike = a.test_hash == b.test_hash or "" in (a.test_hash, b.test_hash)
    return a.test_size == b.test_size and alike


def _told(record: Record) -> bool:
    """Whether the bit set is what the accuracy is the mean of."""
    if record.test_accuracy is None or record.test_size == 0:
        return False
    return isclose(int(record.correct, 16).bit_count() / record.test_size, record.test_accuracy)


def right(record: Record) -> npt.NDArray[np.int8]:
    """By test example, 1 where it was right, else 0: the inverse of `evaluate.bit_set`."""
    size = -(-record.test_size // 8)
    raw = np.frombuffer(int(record.correct, 16).to_bytes(size, "little"), np.uint8)
    return np.unpackbits(raw, count=record.test_size, bitorder="little").astype(np.int8)


def _shared(hashes: Sequence[str]) -> bool | None:
    """Whether all seeds were judged on one test set; None where a record does not tell."""
    return None if "" in hashes else len(set(hashes)) == 1
