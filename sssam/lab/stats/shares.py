"""The part of SAM's gain that a method keeps, with Fieller's interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from sssam.lab.stats.estimates import ONE_SIDED, Values, difference, estimate, finite, pooled


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two means with Fieller's interval; the ends are None where it has none."""

    value: float
    low: float | None
    high: float | None

    @property
    def identified(self) -> bool:
        """Whether the ratio has an interval: whether its denominator is shown to be above zero."""
        return self.low is not None


def share(gain: Values, sam_gain: Values) -> Ratio:
    """The part of SAM's gain that a method keeps: mean gain over mean SAM gain, paired by position.

    The interval is Fieller's (1954, J. R. Stat. Soc. B 16:175-185): all ratios r for which a t test
    does not reject mean(gain - r * sam_gain) = 0. It has no ends, "not identified", where the 95%
    interval of SAM's own gain is not wholly above zero: the set is unbounded then, or it is a share
    of a loss.

    Raises:
        ValueError: SAM's mean gain is exactly zero, lengths differ, or a value is not finite.
    """
    return pooled_share([(gain, sam_gain)])


def pooled_share(samples: Sequence[tuple[Values, Values]]) -> Ratio:
    """The share over independent tasks: the mean over tasks of the gain over that of SAM's gain.

    Each task, a pair (gain, sam_gain) as `share` takes it, has the same weight in both means. This
    is no mean of shares, in which the task with the least gain of SAM would decide. The interval is
    Fieller's; its degrees of freedom are Welch's and Satterthwaite's, at the ratio found.

    Raises:
        ValueError: no tasks, SAM's mean gain is exactly zero, lengths that differ within a task, or
            a value that is not finite.
    """
    for gain, sam_gain in samples:
        difference(gain, sam_gain)
    pairs = [(finite(gain), finite(sam_gain)) for gain, sam_gain in samples]
    a = pooled([estimate(gain) for gain, _ in pairs])
    b = pooled([estimate(sam_gain) for _, sam_gain in pairs])
    if b.mean == 0:
        raise ValueError("sam_gain has mean 0, so no share of it exists; compare differences")
    value = a.mean / b.mean
    if a.freedom == 0 or not b.interval().above_zero:
        return Ratio(value, None, None)
    freedom = pooled([estimate(gain - value * sam_gain) for gain, sam_gain in pairs]).freedom
    return Ratio(value, *_fieller(a.mean, b.mean, _covariance(pairs), freedom))


def _covariance(
    pairs: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
) -> npt.NDArray[np.float64]:
    """Of the two pooled means, shape (2, 2)."""
    total = sum((np.cov(a, b) / len(a) for a, b in pairs), start=np.zeros((2, 2)))
    return np.asarray(total / len(pairs) ** 2)


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
