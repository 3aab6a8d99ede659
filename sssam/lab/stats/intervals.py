"""A mean with its standard error and interval: of one sample, or of several tasks."""

import math
from collections.abc import Iterable, Sequence
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
    """A mean over `n` values with its 95% interval; the ends are None where they are unknown.

    `error` is the mean's standard error, `freedom` its degrees of freedom, 0 where a single value
    leaves the error unknown.
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

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval lies below zero; False where there is no interval."""
        return self.high is not None and self.high < 0

    def within(self, low: float, high: float) -> "Interval":
        """The interval with its ends in the range that its values can take."""
        if self.low is None or self.high is None:
            return self
        return replace(self, low=max(self.low, low), high=min(self.high, high))

    def scaled(self, factor: float) -> "Interval":
        """The interval of the mean times a factor above 0."""
        return student(factor * self.mean, factor * self.error, self.freedom, self.n)

    def above(self, bound: float) -> float:
        """The one-sided p-value against "the true mean is at most `bound`", by Student's t."""
        if self.freedom == 0:
            return 1.0
        if self.error == 0:  # equal values: t would divide by zero
            return 0.0 if self.mean > bound else 1.0
        return float(special.stdtr(self.freedom, (bound - self.mean) / self.error))

    def with_error(self, error: float, freedom: float) -> "Interval":
        """An interval of the same mean, with a further independent error in quadrature.

        >>> student(1.0, 0.3, 9, 10).with_error(0.4, 99).error
        0.5
        """
        if error == 0:
            return self
        return student(self.mean, *_summed([(self.error, self.freedom), (error, freedom)]), self.n)


def student(mean: float, error: float, freedom: float, n: int) -> Interval:
    """Student's t interval of a mean with this standard error; without ends if `freedom` is 0."""
    if freedom == 0:
        return Interval(mean, None, None, n)
    reach = float(special.stdtrit(freedom, 1 - ONE_SIDED)) * error
    return Interval(mean, mean - reach, mean + reach, n, error, freedom)


def interval(values: Values) -> Interval:
    """The mean of `values` with Student's t interval.

    Raises:
        ValueError: there are no values, or some are not finite.

    >>> interval([1.0, 2.0, 3.0]).mean
    2.0
    """
    x = finite(values)
    n = len(x)
    if np.ptp(x) == 0:  # exactly: a sum of equal values can round
        return student(float(x[0]), 0.0, n - 1, n)
    return student(float(x.mean()), float(x.std(ddof=1)) / math.sqrt(n), n - 1, n)


def pooled(means: Sequence[Interval]) -> Interval:
    """The mean over independent means, at least one, each with the same weight.

    Its error is sqrt(sum of errors squared) / K, with Welch's and Satterthwaite's degrees of
    freedom. It is of these tasks, not of tasks at large. One mean without error leaves the pooled
    one without.
    """
    error, freedom = _summed((each.error, each.freedom) for each in means)
    mean = math.fsum(each.mean for each in means) / len(means)
    return student(mean, error / len(means), freedom, sum(each.n for each in means))


def _summed(errors: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """The error of a sum of independent means, with Satterthwaite's degrees of freedom.

    Satterthwaite (1946), Biometrics Bulletin 2:110-114. One unknown error leaves it unknown.
    """
    parts = list(errors)
    total = math.fsum(error**2 for error, _ in parts)
    if min(freedom for _, freedom in parts) == 0:
        return 0.0, 0.0
    if total == 0:
        return 0.0, sum(freedom for _, freedom in parts)
    # Relative to the total, so that no small error's fourth power runs out of range.
    rates = math.fsum((error**2 / total) ** 2 / freedom for error, freedom in parts)
    return math.sqrt(total), 1 / rates


def shared_error(outcomes: npt.NDArray[np.floating]) -> float:
    """The standard error that one test set for all seeds leaves in the mean, in percentage points.

    With outcome = mu + seed + example + rest, all random, and n test examples, it is
    sqrt(Var(example) / n), which no further seed lessens, by the moment estimates of a two-way
    layout without repetition, on about n - 1 degrees of freedom. It is about 0 where the seeds have
    test sets of their own after all.

    Args:
        outcomes: of a contrast, in [-1, 1], shape (seeds, n), two or more of each.
    """
    seeds, n = outcomes.shape
    of_means = float(outcomes.mean(axis=0).var(ddof=1))
    within = float(outcomes.var(axis=1, ddof=1).mean())
    rest = (within - of_means) / (seeds - 1)  # of the mean over seeds
    return 100 * math.sqrt(max(of_means - rest, 0.0) / n)


def finite(values: Values) -> npt.NDArray[np.float64]:
    """The values as an array.

    Raises:
        ValueError: there are none, or some are not finite.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0 or not np.isfinite(x).all():
        raise ValueError(f"values must be finite and at least one, got {values!r}")
    return x


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjustment of a family of p-values, in their order (1979, Scand. J. Stat. 6:65-70).

    None, for what was refused, stays None and counts as 1, so that what is tested does not depend
    on what was measured.

    >>> holm([0.01, 0.04, None, 0.02])
    [0.04, 0.08, None, 0.06]
    """
    p = np.array([1.0 if each is None else each for each in p_values])
    order = p.argsort(kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1.0)
    pairs = zip(p_values, adjusted.tolist(), strict=True)
    return [None if before is None else after for before, after in pairs]
