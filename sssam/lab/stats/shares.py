"""The part of SAM's gain that a method keeps, with Fieller's interval."""

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from sssam.lab.stats.intervals import ONE_SIDED, Interval, Values, finite


def share(
    gain: Values, sam_gain: Values, common: npt.NDArray[np.float64] | None = None
) -> Interval:
    """The part of SAM's gain that a method keeps: mean gain over mean SAM gain, paired by position.

    The interval is Fieller's (1954, J. R. Stat. Soc. B 16:175-185): all ratios r for which a t test
    does not reject mean(gain - r * sam_gain) = 0. It has no ends where the 95% interval of SAM's
    own gain is not wholly above zero: the set is unbounded then, or it is a share of a loss.

    Args:
        gain: of the method over base, by seed, shape (seeds,).
        sam_gain: of SAM over base, by seed, the same shape.
        common: covariance of the two means, shape (2, 2), that a test set common to all seeds adds
            to that over seeds; none where each seed has a test set of its own. The degrees of
            freedom stay those of the seeds, which are the fewer.

    Raises:
        ValueError: SAM's mean gain is exactly zero, lengths differ, or a value is not finite.
    """
    a, b = finite(gain), finite(sam_gain)
    if len(a) != len(b):
        raise ValueError(f"values are paired by position, but there are {len(a)} and {len(b)}")
    top, bottom, n = float(a.mean()), float(b.mean()), len(a)
    if bottom == 0:
        raise ValueError("sam_gain has mean 0, so no share of it exists; compare differences")
    if n < 2 or bottom < 0:
        return Interval(top / bottom, None, None, n)
    covariance = np.cov(a, b) / n + (0.0 if common is None else common)
    return Interval(top / bottom, *_fieller(top, bottom, covariance, n - 1), n)


def _fieller(
    a: float, b: float, covariance: npt.NDArray[np.float64], freedom: float
) -> tuple[float | None, float | None]:
    """The roots r of (a - r b)^2 = t^2 Var(a - r b); none where that set is no interval."""
    t2 = float(special.stdtrit(freedom, 1 - ONE_SIDED)) ** 2
    curve = b**2 - t2 * covariance[1, 1]
    if curve <= 0:
        return None, None
    middle = a * b - t2 * covariance[0, 1]
    root = math.sqrt(max(middle**2 - curve * (a**2 - t2 * covariance[0, 0]), 0.0))
    return float((middle - root) / curve), float((middle + root) / curve)
