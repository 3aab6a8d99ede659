"""Short blocks of work of several kinds in turn: a drift of the machine's speed meets all alike."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import NamedTuple, TypeVar

#: Blocks of a kind, below which a median has no interval of 95%.
FEWEST = 6

Block = Callable[[], object]
K = TypeVar("K")


class Median(NamedTuple):
    """A median with its 95% interval, by order statistics, and the quartiles of the values."""

    value: float
    low: float
    high: float
    quartiles: tuple[float, float]


def timed(
    kinds: Mapping[K, Block],
    rounds: int,
    enough: Callable[[int], bool] = lambda done: False,
    clock: Callable[[], float] = perf_counter,
) -> dict[K, list[float]]:
    """Seconds of a block of each kind in each of so many rounds, after one round to warm up.

    Every other round goes through the kinds backwards, so that none always follows the same.
    `enough` is called with the rounds done, from 0, the warm-up, and may end it before. `clock`
    gives seconds.
    """
    times: dict[K, list[float]] = {name: [] for name in kinds}
    for done in range(rounds + 1):
        for name in list(kinds)[:: 1 if done % 2 else -1]:
            begun = clock()
            kinds[name]()
            times[name].append(clock() - begun)
        if enough(done):
            break
    return {name: values[1:] for name, values in times.items()}


def median(values: Sequence[float]) -> Median:
    """The median over at least `FEWEST` blocks.

    >>> median([1, 2, 3, 4, 5, 6])
    Median(value=3.5, low=1, high=6, quartiles=(1.75, 5.25))
    """
    ordered, n = sorted(values), len(values)
    ranks = (i for i in range(n) if sum(math.comb(n, k) for k in range(i + 1)) * 40 > 2**n)
    out = next(ranks)  # so many values at each end may be left out: the error stays below 2.5%
    low, _, high = statistics.quantiles(ordered, n=4)
    return Median(statistics.median(ordered), ordered[out - 1], ordered[n - out], (low, high))
