"""What a number of seeds can detect, and how many a wanted difference needs."""

from bisect import bisect_left

import numpy as np
from scipy import optimize, special

from sssam.lab.stats.intervals import ONE_SIDED, Values, finite

#: The chance to detect a difference.
POWER = 0.8
#: Beyond so many seeds the answer is no plan any more.
_MOST_SEEDS = 1_000_000
#: A shift of so many times the t test's threshold is detected all but always.
_SURE = 4


def detectable(differences: Values) -> float | None:
    """The smallest true mean that a paired t test on so many such differences detects.

    It is detected in four studies of five (`POWER`), at a two-sided error of 5%. The spread is
    taken for known, as that of `differences`. None where fewer than three differences leave the
    answer meaningless.
    """
    x = finite(differences)
    n = len(x)
    if n < 3:
        return None
    most = 2 * float(special.stdtrit(n - 1, 1 - ONE_SIDED)) / n**0.5
    effect = optimize.brentq(lambda effect: _power(effect, n) - POWER, 0, most)
    return float(effect) * float(x.std(ddof=1))


def seeds_needed(differences: Values, wanted: float) -> int | None:
    """How many seeds a paired t test needs to detect a true mean difference of `wanted`, as above.

    Args:
        differences: paired differences whose spread stands for that of further seeds.
        wanted: above 0, in their unit.

    Returns:
        At least 2; None from fewer than three differences, or where a million are too few.

    Raises:
        ValueError: `wanted` is not above 0.
    """
    if not wanted > 0:
        raise ValueError(f"wanted is {wanted}, must be above 0: a difference to be detected")
    x = finite(differences)
    if len(x) < 3:
        return None
    if np.ptp(x) == 0:
        return 2
    effect, numbers = wanted / float(x.std(ddof=1)), range(2, _MOST_SEEDS)
    place = bisect_left(numbers, POWER, key=lambda n: _power(effect, n))
    return numbers[place] if place < len(numbers) else None


def _power(effect: float, n: int) -> float:
    """The chance to detect it with its true sign, by the noncentral t distribution."""
    shift, edge = effect * n**0.5, special.stdtrit(n - 1, 1 - ONE_SIDED)
    if shift > _SURE * edge:  # beyond where the distribution is computed
        return 1.0
    return float(1 - special.nctdtr(n - 1, shift, edge))
