"""How much of the spread over seeds is the training's, and how much the finite test set's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: By test example, of one seed: 1 where the variant alone is right, -1 where the other alone is.
Outcomes = Sequence[npt.NDArray[np.int8]]
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations of a paired difference in accuracy, in percentage points.

    `seeds` is what was seen over seeds, `test` what a test set of `examples` examples, drawn anew
    each time, would spread the difference by if the training did not vary. `training` is what is
    left of `seeds` without the part that the test set has in it, 0 where nothing is left, None
    where it is not known whether the seeds share a test set. `shared` is the standard error that
    one test set for all seeds leaves in the mean, which no further seed lessens; None where each
    seed has a test set of its own.
    """

    seeds: float
    test: float
    training: float | None
    shared: float | None
    examples: int


def noise(outcomes: Outcomes, shared: bool | None) -> Noise | None:
    """The decomposition of the spread over seeds, by the variances of per-example differences.

    With delta = mu + seed + example + rest, all four random, and n test examples: over seeds with a
    test set of their own, Var = Var(seed) + Var(example + rest) / n; over seeds that share one,
    Var = Var(seed) + Var(rest) / n, and Var(example) / n stays in the mean (a two-way layout
    without repetition; the variances are the moment estimates of its analysis of variance).
    Within one seed Var(example + rest) is McNemar's: p01 + p10 - (p10 - p01)^2.

    Args:
        outcomes: for each seed, right (1) or not (0) by example, the variant's less the
            reference's.
        shared: whether all seeds were judged on the same test examples, in one order; None where
            that is not known.

    Returns:
        None for fewer than two seeds, or where a test set has fewer than two examples.

    Raises:
        ValueError: `shared`, but the seeds' test sets differ in size.
    """
    if len(outcomes) < 2 or min(map(len, outcomes)) < 2:
        return None
    sizes = {len(each) for each in outcomes}
    if shared and len(sizes) > 1:
        raise ValueError(f"the seeds are said to share a test set, but it has {sorted(sizes)}")
    observed = float(np.var([each.mean() for each in outcomes], ddof=1))
    alone = float(np.mean([each.var(ddof=1) / len(each) for each in outcomes]))
    within, common = _layout(np.stack(outcomes)) if shared else (alone, 0.0)
    return Noise(
        seeds=_points(observed),
        test=_points(alone),
        training=None if shared is None else _points(observed - within),
        shared=_points(common) if shared else None,
        examples=min(sizes),
    )


def shared_error(by_example: Floats, by_seed: Floats, square: float) -> float:
    """The standard error that one test set for all seeds leaves in the mean, in percentage points.

    It is sqrt(Var(example) / n) of the two-way layout above, on about n - 1 degrees of freedom, and
    about 0 where the seeds have test sets of their own after all.

    Args:
        by_example: means over seeds of a contrast's outcomes, shape (n,), two or more.
        by_seed: its means over examples, shape (seeds,), two or more.
        square: the mean of its squares over seeds and examples.
    """
    n = len(by_example)
    within = (square - float((by_seed**2).mean())) * n / (n - 1)
    return _points(_parts(len(by_seed), n, float(by_example.var(ddof=1)), within)[1])


def _layout(table: npt.NDArray[np.int8]) -> tuple[float, float]:
    """Of seeds by examples: Var(rest) / n, which is in the spread, and Var(example) / n."""
    by_example = float(np.var(table.mean(axis=0), ddof=1))
    within = float(np.mean(table.var(axis=1, ddof=1)))
    return _parts(len(table), table.shape[1], by_example, within)


def _parts(seeds: int, n: int, by_example: float, within: float) -> tuple[float, float]:
    """The same from the variance over examples of means over seeds, and that within a seed."""
    rest = seeds * (within - by_example) / (seeds - 1)
    return rest / n, max(by_example - rest / seeds, 0.0) / n


def _points(variance: float) -> float:
    return 100 * math.sqrt(max(variance, 0.0))
