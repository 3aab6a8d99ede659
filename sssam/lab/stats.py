"""Arrays in, numbers out: intervals over seeds, paired contrasts, and what they allow one to say.

Everything here is two-sided at 95% unless named otherwise, and works in the unit of its input.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

LEVEL = 0.95
#: The one-sided error that belongs to the lower end of a two-sided 95% interval.
ONE_SIDED = (1 - LEVEL) / 2

Values = Sequence[float] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` values with its 95% interval; the ends are None where n is below 2."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above zero; False where there is no interval."""
        return self.low is not None and self.low > 0

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval lies below zero; False where there is no interval."""
        return self.high is not None and self.high < 0


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two means with Fieller's interval; the ends are None where it has none."""

    value: float
    low: float | None
    high: float | None


def interval(values: Values) -> Interval:
    """The mean of `values` with Student's t interval.

    Raises:
        ValueError: there are no values, or some are not finite.

    >>> interval([1.0, 2.0, 3.0]).mean
    2.0
    """
    x = _finite(values)
    mean, n = float(x.mean()), len(x)
    if n < 2:
        return Interval(mean, None, None, n)
    error = float(stats.sem(x))
    if error == 0:  # equal values: t's interval is a point, which scipy calls nan
        return Interval(mean, mean, mean, n)
    low, high = stats.t.interval(LEVEL, n - 1, loc=mean, scale=error)
    return Interval(mean, float(low), float(high), n)


def paired(values: Values, reference: Values) -> Interval:
    """The mean of `values - reference`, paired by position, with Student's t interval.

    Raises:
        ValueError: the two differ in length, are empty, or hold a value that is not finite.
    """
    return interval(_difference(values, reference))


def keeps(to_sam: Interval, to_base: Interval, margin: float) -> bool:
    """Whether SAM's gain is kept: not inferior to SAM by `margin`, and truly better than base.

    Both are read off the paired intervals: the lower end of `to_sam` lies above `-margin`, and the
    lower end of `to_base` above zero. `margin` is above 0, in the unit of the intervals.
    """
    return to_sam.low is not None and to_sam.low > -margin and to_base.above_zero


def keeps_p_value(to_sam: Values, to_base: Values, margin: float) -> float:
    """The one-sided p-value against "does not keep", from the paired differences to SAM and base.

    Keeping is two claims at once, so it is the larger of their p-values (an intersection-union
    test); below 0.025 it says the same as `keeps`.
    """
    return max(_above(to_sam, -margin), _above(to_base, 0.0))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment of a family of p-values, in their order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    if not p_values:
        return []
    return [float(p) for p in multipletests(p_values, method="holm")[1]]


def share(gain: Values, sam_gain: Values) -> Ratio:
    """The part of SAM's gain that a method keeps: mean gain over mean SAM gain, paired by position.

    The interval is Fieller's: all ratios r for which a t test does not reject mean(gain - r *
    sam_gain) = 0. It has no ends where SAM's own gain cannot be told from zero.

    Raises:
        ValueError: SAM's mean gain is exactly zero, lengths differ, or a value is not finite.
    """
    a, b = _finite(gain), _finite(sam_gain)
    _difference(a, b)
    if b.mean() == 0:
        raise ValueError("sam_gain has mean 0, so no share of it exists; compare differences")
    value = float(a.mean() / b.mean())
    if len(a) < 2:
        return Ratio(value, None, None)
    ends = _fieller(a, b)
    return Ratio(value, *ends) if ends else Ratio(value, None, None)


def detectable(differences: Values, power: float = 0.8) -> float | None:
    """The smallest true mean that a paired t test on so many such differences finds.

    `power` is the chance to find it, in (0, 1), at a two-sided error of 5%. None where fewer than
    three differences leave the answer meaningless.
    """
    x = _finite(differences)
    if len(x) < 3:
        return None
    effect = TTestPower().solve_power(nobs=len(x), alpha=1 - LEVEL, power=power)
    return float(np.asarray(effect).item() * x.std(ddof=1))


def _finite(values: Values) -> npt.NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0 or not np.isfinite(x).all():
        raise ValueError(f"values must be finite and at least one, got {values!r}")
    return x


def _difference(values: Values, reference: Values) -> npt.NDArray[np.float64]:
    x, y = _finite(values), _finite(reference)
    if len(x) != len(y):
        raise ValueError(f"values are paired by position, but there are {len(x)} and {len(y)}")
    return x - y


def _above(values: Values, bound: float) -> float:
    x = _finite(values)
    if len(x) < 2:
        return 1.0
    if np.ptp(x) == 0:  # a t test of equal values divides by zero
        return 0.0 if x[0] > bound else 1.0
    return float(stats.ttest_1samp(x, bound, alternative="greater").pvalue)


def _fieller(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> tuple[float, float] | None:
    n = len(a)
    t2 = float(stats.t.ppf(1 - ONE_SIDED, n - 1)) ** 2
    covariance = np.cov(a, b) / n
    curve = b.mean() ** 2 - t2 * covariance[1, 1]
    if curve <= 0:
        return None
    middle = a.mean() * b.mean() - t2 * covariance[0, 1]
    inside = middle**2 - curve * (a.mean() ** 2 - t2 * covariance[0, 0])
    root = float(np.sqrt(max(inside, 0.0)))
    return float((middle - root) / curve), float((middle + root) / curve)
