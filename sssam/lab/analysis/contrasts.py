"""What each row is beside the base optimizer and beside SAM: paired by seed, then adjusted."""

from collections.abc import Mapping, Sequence
from math import isclose

import numpy as np
import numpy.typing as npt

from sssam.lab import stats
from sssam.lab.analysis.comparison import Comparison, Row
from sssam.lab.specs import Record, Task

#: The records of one method, by seed.
BySeed = Mapping[int, Record]


def contrasted(comparison: Comparison) -> Comparison:
    """The comparison with each row's contrasts, then Holm's adjustments over the rows."""
    base, sam = comparison.base, comparison.sam
    rows = [_beside(row, base, sam, comparison.task) for row in comparison.rows]
    keeping = stats.holm([row.p_value for row in rows])
    sharing = stats.holm([row.share_p_value for row in rows])
    adjusted = (
        row.model_copy(update={"p_value": p, "share_p_value": q})
        for row, p, q in zip(rows, keeping, sharing, strict=True)
    )
    return comparison.model_copy(update={"rows": tuple(adjusted)})


def differences(row: Row, other: Row) -> list[float]:
    """A row's accuracies less another's, in points, at the seeds that both have."""
    return [a - other.accuracies[s] for s, a in row.accuracies.items() if s in other.accuracies]


def gains(row: Row, base: Row, sam: Row) -> tuple[list[float], list[float]]:
    """The gains over base of a row and of SAM, in points, at the seeds that all three have."""
    seeds = [s for s in row.accuracies if s in base.accuracies and s in sam.accuracies]
    own, reference, best = row.accuracies, base.accuracies, sam.accuracies
    return [own[s] - reference[s] for s in seeds], [best[s] - reference[s] for s in seeds]


def _beside(row: Row, base: Row | None, sam: Row | None, task: Task) -> Row:
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
            "seeds_needed": stats.seeds_needed(to_sam, task.margin),
        }
    if to_base and to_sam and base is not None and sam is not None:
        update |= _kept(to_sam, to_base, task.margin)
        update |= _share(*gains(row, base, sam), task.share)
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
    pairs = [(a, b) for a, b in pairs if a.test_size == b.test_size and _told(a) and _told(b)]
    outcomes = [right(a) - right(b) for a, b in pairs]
    return stats.noise(outcomes, _shared([a.test_hash for a, _ in pairs]))


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
