"""What the runs of a variant reached, as arrays over the seeds, and contrasts of such arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import isclose
from typing import Any

import numpy as np
import numpy.typing as npt

from sssam.lab import stats
from sssam.lab.specs import Record

#: The records of one method, by seed.
BySeed = Mapping[int, Record]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Of one variant, by seed in the comparison's order.

    `accuracy` is in percentage points, NaN where there is none; `finished` says which runs finished
    (a diverged one has the accuracy that it ended at). `right` is of seeds by test examples, 1
    where the example was right, and None where the records do not hold it. `test` and `samples` are
    the records' hashes of the test set and of the training examples in their order, "" if unknown.
    """

    accuracy: Floats
    finished: Bools
    right: npt.NDArray[np.int8] | None = None
    test: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()


#: A sum of accuracies with these factors, such as [(1, variant), (-1, control)].
Terms = Sequence[tuple[float, Results]]


def results(by_seed: BySeed, seeds: Sequence[int]) -> Results:
    """The records of a variant as arrays."""
    found = [by_seed.get(seed) for seed in seeds]
    return Results(
        accuracy=np.array([_points(record) for record in found]),
        finished=np.array([r is not None and r.outcome == "finished" for r in found]),
        right=_table(found),
        test=tuple("" if r is None else r.test_hash for r in found),
        samples=tuple(
            r.sample_hash if r is not None and r.outcome == "finished" else "" for r in found
        ),
    )


def differences(terms: Terms, at: Bools | None = None) -> Floats:
    """The sum of the terms by seed, in points, where all have an accuracy, and `at` is True.

    Rounded far below one example, so that equal differences of counts are equal numbers: else what
    lies at a bound at every seed is tested on what 100 * k / n rounds to.
    """
    total = reduce(np.add, (factor * each.accuracy for factor, each in terms))
    return np.round(total[_kept(terms, at)], 9)


def contrast(terms: Terms, at: Bools | None = None) -> stats.Estimate:
    """The mean of `differences`, with the error of a test set that the seeds share.

    That error, of which no seed lessens anything, is in quadrature with the one over seeds.

    Raises:
        ValueError: no seed has all accuracies.
    """
    found, table = stats.estimate(differences(terms, at)), outcomes(terms, at)
    if table is None or shared(terms, at) is False:
        return found
    return found.with_error(stats.shared_error(table), table.shape[1] - 1)


def outcomes(terms: Terms, at: Bools | None = None) -> npt.NDArray[Any] | None:
    """The sum by seed and test example; None where a record lacks it, or for one seed alone."""
    tables = [(np.float32(factor), each.right) for factor, each in terms if each.right is not None]
    kept = _kept(terms, at)
    if len(tables) < len(terms) or len({t.shape for _, t in tables}) > 1 or kept.sum() < 2:
        return None
    return np.asarray(reduce(np.add, (factor * table[kept] for factor, table in tables)))


def shared(terms: Terms, at: Bools | None = None) -> bool | None:
    """Whether all seeds were judged on one test set; None where a record does not tell."""
    kept = _kept(terms, at)
    hashes = {h for _, each in terms for h, keep in zip(each.test, kept, strict=False) if keep}
    return None if not hashes or "" in hashes else len(hashes) == 1


def unlike(one: Sequence[str], other: Sequence[str]) -> list[int]:
    """The places at which two known hashes differ."""
    pairs = enumerate(zip(one, other, strict=False))
    return [i for i, (a, b) in pairs if a and b and a != b]


def _kept(terms: Terms, at: Bools | None) -> Bools:
    known = reduce(np.logical_and, (~np.isnan(each.accuracy) for _, each in terms))
    return known if at is None else known & at


def _points(record: Record | None) -> float:
    if record is None or record.test_accuracy is None:
        return np.nan
    return 100 * record.test_accuracy


def _table(found: Sequence[Record | None]) -> npt.NDArray[np.int8] | None:
    ended = [r for r in found if r is not None and r.test_accuracy is not None]
    sizes = {record.test_size for record in ended}
    if len(sizes) != 1 or sizes == {0} or not all(map(_reported, ended)):
        return None
    table = np.zeros((len(found), sizes.pop()), np.int8)
    for row, record in zip(table, found, strict=True):
        if record is not None and record.test_accuracy is not None:
            row[:] = right(record)
    return table


def _reported(record: Record) -> bool:
    """Whether the bit set is what the accuracy is the mean of."""
    count = int(record.correct, 16).bit_count()
    return isclose(count / record.test_size, record.test_accuracy or 0.0, abs_tol=1e-9)


def right(record: Record) -> npt.NDArray[np.int8]:
    """By test example, 1 where it was right, else 0: the inverse of `evaluate.bit_set`."""
    size = -(-record.test_size // 8)
    raw = np.frombuffer(int(record.correct, 16).to_bytes(size, "little"), np.uint8)
    return np.unpackbits(raw, count=record.test_size, bitorder="little").astype(np.int8)
