"""What the runs of a variant reached, as arrays over the seeds, and contrasts of such arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import isclose

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
    right: npt.NDArray[np.float32] | None = None
    test: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether there is an accuracy at every seed: no run failed or is missing."""
        return not np.isnan(self.accuracy).any()

    @property
    def examples(self) -> int:
        """The size of a test set, 0 where it is not known."""
        return 0 if self.right is None else self.right.shape[1]


#: A sum of accuracies with these factors, such as [(1, variant), (-1, control)].
Terms = Sequence[tuple[float, Results]]


def results(by_seed: BySeed, seeds: Sequence[int]) -> Results:
    """The records of a variant as arrays."""
    records = [by_seed.get(seed) for seed in seeds]
    reached = [None if record is None else record.test_accuracy for record in records]
    return Results(
        accuracy=np.array([np.nan if accuracy is None else 100 * accuracy for accuracy in reached]),
        finished=np.array([r is not None and r.outcome == "finished" for r in records]),
        right=_table(records),
        test=tuple("" if r is None else r.test_hash for r in records),
        samples=tuple(
            r.sample_hash if r is not None and r.outcome == "finished" else "" for r in records
        ),
    )


def differences(terms: Terms, at: Bools | None = None) -> Floats:
    """The sum of the terms by seed, in points, where all have an accuracy, and `at` is True.

    Rounded far below one example, so that equal differences of counts are equal numbers: else what
    lies at a bound at every seed is tested on what 100 * k / n rounds to.
    """
    total = reduce(np.add, (factor * each.accuracy for factor, each in terms))
    return np.round(total[_kept(terms, at)], 9)


def contrast(terms: Terms, at: Bools | None = None) -> stats.Interval:
    """The mean of `differences`, with the error of a test set that the seeds share.

    That error, of which no seed lessens anything, is in quadrature with the one over seeds.

    Raises:
        ValueError: no seed has all accuracies.
    """
    mean, error = stats.interval(differences(terms, at)), shared_error(terms, at)
    return mean.with_error(error, terms[0][1].examples - 1)


def shared_error(terms: Terms, at: Bools | None = None) -> float:
    """What a test set that all seeds share adds to the error of a contrast, in points.

    It is 0 for one seed, for test sets of each seed's own, and where the records do not hold what
    was right by example.
    """
    kept, tables = _kept(terms, at), _tables(terms)
    if tables is None or kept.sum() < 2 or _have_own_tests(terms, kept):
        return 0.0
    total = reduce(np.add, (factor * each for (factor, _), each in zip(terms, tables, strict=True)))
    return stats.shared_error(total[kept])


def _tables(terms: Terms) -> list[npt.NDArray[np.float32]] | None:
    """What was right, of each term; None where a record lacks it, or test sets differ in size."""
    tables = [each.right for _, each in terms if each.right is not None]
    alike = len(tables) == len(terms) and len({table.shape for table in tables}) == 1
    return tables if alike and tables[0].shape[1] > 1 else None


def _have_own_tests(terms: Terms, kept: Bools) -> bool:
    """Whether the seeds were judged on test sets of their own; False where a record lacks it."""
    hashes = {h for _, each in terms for h, keep in zip(each.test, kept, strict=False) if keep}
    return "" not in hashes and len(hashes) > 1


def unlike(one: Sequence[str], other: Sequence[str]) -> list[int]:
    """The places at which two known hashes differ."""
    pairs = enumerate(zip(one, other, strict=False))
    return [i for i, (a, b) in pairs if a and b and a != b]


def _kept(terms: Terms, at: Bools | None) -> Bools:
    known = reduce(np.logical_and, (~np.isnan(each.accuracy) for _, each in terms))
    return known if at is None else known & at


def _table(records: Sequence[Record | None]) -> npt.NDArray[np.float32] | None:
    ended = [r for r in records if r is not None and r.test_accuracy is not None]
    sizes = {record.test_size for record in ended}
    if len(sizes) != 1 or sizes == {0} or not all(map(_reported, ended)):
        return None
    table = np.zeros((len(records), sizes.pop()), np.float32)
    for row, record in zip(table, records, strict=True):
        if record is not None and record.test_accuracy is not None:
            row[:] = right(record)
    return table


def _reported(record: Record) -> bool:
    """Whether the bit set is what the accuracy is the mean of."""
    count = int(record.correct, 16).bit_count()
    return isclose(count / record.test_size, record.test_accuracy or 0.0, abs_tol=1e-9)


def right(record: Record) -> npt.NDArray[np.int8]:
    """An array over the test examples, 1 where one was right, else 0: inverse of `Judged.bits`."""
    size = -(-record.test_size // 8)
    raw = np.frombuffer(int(record.correct, 16).to_bytes(size, "little"), np.uint8)
    return np.unpackbits(raw, count=record.test_size, bitorder="little").astype(np.int8)
