"""A mean with its standard error: of one sample, of paired samples, or of several tasks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

LEVEL = 0.95
#: The one-sided error that belongs to the lower end of a two-sided 95% interval.
ONE_SIDED = (1 - LEVEL) / 2

Values = Sequence[float] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` values with its 95% interval; the ends are None where n is below 2.

    `error` is the mean's standard error, `freedom` its degrees of freedom, 0 where it is not known.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    error: float = 0.0
    freedom: float = 0.0

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above zero; False where there is no interval."""
        return self.low is not None and self.low > 0

    def within(self, low: float, high: float) -> "Interval":
        """The interval with its ends in the range that its values can take."""
        if self.low is None or self.high is None:
            return self
        return replace(self, low=max(self.low, low), high=min(self.high, high))

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval lies below zero; False where there is no interval."""
        return self.high is not None and self.high < 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `n` values, its standard error, and the degrees of freedom of that error.

    `freedom` is 0 where a single value leaves the error unknown.
    """

    mean: float
    error: float
    freedom: float
    n: int

    def interval(self) -> Interval:
        """Student's t interval."""
        if self.freedom == 0:
            return Interval(self.mean, None, None, self.n)
        reach = float(special.stdtrit(self.freedom, 1 - ONE_SIDED)) * self.error
        low, high = self.mean - reach, self.mean + reach
        return Interval(self.mean, low, high, self.n, self.error, self.freedom)

    def above(self, bound: float) -> float:
        """The one-sided p-value against "the true mean is at most `bound`", by Student's t."""
        if self.freedom == 0:
            return 1.0
        if self.error == 0:  # equal values: t would divide by zero
            return 0.0 if self.mean > bound else 1.0
        return float(special.stdtr(self.freedom, (bound - self.mean) / self.error))

    def with_error(self, error: float, freedom: float) -> "Estimate":
        """The same mean with a further independent error, in quadrature.

        The degrees of freedom are Satterthwaite's of the two; an unknown error stays unknown.

        >>> Estimate(1.0, 0.3, 9, 10).with_error(0.4, 99).error
        0.5
        """
        if self.freedom == 0 or error == 0:
            return self
        total = self.error**2 + error**2
        parts = (self.error**2 / total) ** 2 / self.freedom + (error**2 / total) ** 2 / freedom
        return Estimate(self.mean, math.sqrt(total), 1 / parts, self.n)


def estimate(values: Values) -> Estimate:
    """The mean of `values` with its standard error.

    Raises:
        ValueError: there are no values, or some are not finite.
    """
    x = finite(values)
    n = len(x)
    if np.ptp(x) == 0:  # exactly: a sum of equal values can round
        return Estimate(float(x[0]), 0.0, n - 1, n)
    return Estimate(float(x.mean()), float(x.std(ddof=1)) / math.sqrt(n), n - 1, n)


def interval(values: Values) -> Interval:
    """The mean of `values` with Student's t interval.

    Raises:
        ValueError: there are no values, or some are not finite.

    >>> interval([1.0, 2.0, 3.0]).mean
    2.0
    """
    return estimate(values).interval()


def paired(values: Values, reference: Values) -> Interval:
    """The mean of `values - reference`, paired by position, with Student's t interval.

    Raises:
        ValueError: the two differ in length, are empty, or hold a value that is not finite.
    """
    return interval(difference(values, reference))


def pooled(estimates: Sequence[Estimate]) -> Estimate:
    """The mean over independent estimates, each with the same weight.

    Its error is sqrt(sum of errors squared) / K, its degrees of freedom Welch's and Satterthwaite's
    (Satterthwaite 1946, Biometrics Bulletin 2:110-114). What it tells is of these tasks, not of
    tasks at large. One estimate without error leaves the pooled one without.

    Raises:
        ValueError: there are no estimates.

    >>> pooled([Estimate(1.0, 0.3, 9, 10), Estimate(2.0, 0.4, 9, 10)])
    Estimate(mean=1.5, error=0.25, freedom=16.69..., n=20)
    """
    if not estimates:
        raise ValueError("there are no estimates to pool")
    k = len(estimates)
    mean, n = math.fsum(e.mean for e in estimates) / k, sum(e.n for e in estimates)
    total = math.fsum(e.error**2 for e in estimates)
    if min(e.freedom for e in estimates) == 0:
        return Estimate(mean, 0.0, 0, n)
    if total == 0:
        return Estimate(mean, 0.0, sum(e.freedom for e in estimates), n)
    # Relative to the total, so that no small error's fourth power runs out of range.
    parts = math.fsum((e.error**2 / total) ** 2 / e.freedom for e in estimates)
    return Estimate(mean, math.sqrt(total) / k, 1 / parts, n)


def finite(values: Values) -> npt.NDArray[np.float64]:
    """The values as an array.

    Raises:
        ValueError: there are none, or some are not finite.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0 or not np.isfinite(x).all():
        raise ValueError(f"values must be finite and at least one, got {values!r}")
    return x


def difference(values: Values, reference: Values) -> npt.NDArray[np.float64]:
    """`values - reference`, by position.

    Raises:
        ValueError: the two differ in length, are empty, or hold a value that is not finite.
    """
    x, y = finite(values), finite(reference)
    if len(x) != len(y):
        raise ValueError(f"values are paired by position, but there are {len(x)} and {len(y)}")
    return x - y
