"""What a number of seeds can detect, and how many a wanted difference needs."""

from bisect import bisect_left

from scipy import optimize, special

from sssam.lab.stats.intervals import ONE_SIDED, Values, finite

#: The chance to detect a difference.
POWER = 0.8
#: Beyond so many seeds the answer is no plan any more.
_MOST_SEEDS = 1_000_000
#: A shift of so many times the t test's threshold is detected all but always.
_SURE = 4


def detectable(differences: Values, shared: float = 0.0) -> float | None:
    """The smallest true mean that a paired t test on so many such differences detects.

    It is detected in four studies of five (`POWER`), at a two-sided error of 5%. The spread is
    taken for known, as that of `differences`. None where fewer than three differences leave the
    answer meaningless.

    Args:
        differences: paired, shape (seeds,), in points.
        shared: standard error that a test set common to all seeds adds, in points, at least 0; the
            degrees of freedom stay those of the seeds, which are the fewer.
    """
    x = finite(differences)
    n, spread = len(x), float(x.std(ddof=1)) if len(x) > 2 else 0.0
    if n < 3 or spread == shared == 0:
        return None if n < 3 else 0.0
    most = 2 * _edge(n) * _error(spread, n, shared)
    return float(optimize.brentq(lambda mean: _power(mean, spread, n, shared) - POWER, 0, most))


def seeds_needed(differences: Values, wanted: float, shared: float = 0.0) -> int | None:
    """How many seeds a paired t test needs to detect a true mean difference of `wanted`, as above.

    Args:
        differences: paired differences whose spread stands for that of further seeds.
        wanted: above 0, in their unit.
        shared: as above; no seed lessens it.

    Returns:
        At least 2; None from fewer than three differences, or where a million are too few.
    """
    x = finite(differences)
    if len(x) < 3:
        return None
    spread, numbers = float(x.std(ddof=1)), range(2, _MOST_SEEDS)
    place = bisect_left(numbers, POWER, key=lambda n: _power(wanted, spread, n, shared))
    return numbers[place] if place < len(numbers) else None


def _edge(n: int) -> float:
    return float(special.stdtrit(n - 1, 1 - ONE_SIDED))


def _error(spread: float, n: int, shared: float) -> float:
    return float((spread**2 / n + shared**2) ** 0.5)


def _power(mean: float, spread: float, n: int, shared: float) -> float:
    """The chance to detect it with its true sign, by the noncentral t distribution."""
    error, edge = _error(spread, n, shared), _edge(n)
    if mean > _SURE * edge * error:  # beyond where the distribution is computed
        return 1.0
    return float(1 - special.nctdtr(n - 1, mean / error, edge))
