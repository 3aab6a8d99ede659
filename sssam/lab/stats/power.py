"""What a number of seeds can find, and how many a wanted difference needs."""

from bisect import bisect_left
from functools import cache

import numpy as np
from statsmodels.stats.power import TTestPower

from sssam.lab.stats.estimates import LEVEL, Values, finite

#: Beyond so many seeds the answer is no plan any more.
_MOST_SEEDS = 1_000_000


def detectable(differences: Values, power: float = 0.8) -> float | None:
    """The smallest true mean that a paired t test on so many such differences finds.

    `power` is the chance to find it, in (0, 1), at a two-sided error of 5%. The spread is taken for
    known, as that of `differences`. None where fewer than three differences leave the answer
    meaningless.
    """
    x = finite(differences)
    return None if len(x) < 3 else _effect(len(x), power) * float(x.std(ddof=1))


def seeds_needed(differences: Values, wanted: float, power: float = 0.8) -> int | None:
    """How many seeds a paired t test needs to find a true mean difference of `wanted`.

    Args:
        differences: paired differences whose spread stands for that of further seeds.
        wanted: above 0, in their unit.
        power: the chance to find it, in (0, 1), at a two-sided error of 5%. It is also the chance
            that `keeps` finds a row with a true difference of 0 to lie within a margin of `wanted`.

    Returns:
        At least 2; None from fewer than three differences, or where a million are too few.

    Raises:
        ValueError: `wanted` is not above 0.
    """
    if not wanted > 0:
        raise ValueError(f"wanted is {wanted}, must be above 0: a difference to be found")
    x = finite(differences)
    spread = float(x.std(ddof=1)) if len(x) > 2 else 0.0
    if len(x) < 3:
        return None
    if np.ptp(x) == 0:
        return 2
    return _seeds(wanted / spread, power)


@cache
def _effect(n: int, power: float) -> float:
    """In standard deviations."""
    found = TTestPower().solve_power(nobs=n, alpha=1 - LEVEL, power=power)
    return float(np.asarray(found).item())


def _seeds(effect: float, power: float) -> int | None:
    """The smallest n, between two powers of two: a power far from the wanted one is ill-computed.

    (`solve_power` for nobs does not converge where few seeds are enough.)
    """
    high = 2
    while _power(effect, high) < power:
        high *= 2
        if high > _MOST_SEEDS:
            return None
    low = max(2, high // 2)
    return low + bisect_left(range(low, high), power, key=lambda n: _power(effect, n))


def _power(effect: float, n: int) -> float:
    return float(TTestPower().power(effect, n, 1 - LEVEL))
