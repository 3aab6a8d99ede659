"""The smooth families: constant, ramps, power."""

from abc import abstractmethod
from dataclasses import dataclass
from itertools import repeat
from math import cos, fsum, inf, pi, pow, sin, sqrt
from typing import ClassVar

from sssam.core.checks import count, number
from sssam.schedules.algebra import Schedule
from sssam.schedules.base import probability
from sssam.schedules.budget import require_reachable


class Family(Schedule):
    """A schedule whose parameters, checked once, keep every value in [0, 1]."""

    def validate(self, total_steps: int) -> None:
        count("total_steps", total_steps, 1)


@dataclass(frozen=True, repr=False)
class Constant(Family):
    p: float

    kind: ClassVar[str] = "constant"

    def __post_init__(self) -> None:
        self._set(p=probability("p", self.p))

    def _curve(self, u: float) -> float:
        return self.p

    def _meet(self, target: float, mean: float, total_steps: int) -> Schedule:
        return Constant(target)


@dataclass(frozen=True, repr=False)
class _Ramp(Family):
    """From start to end along a shape that rises from 0 to 1."""

    start: float
    end: float

    def __post_init__(self) -> None:
        self._set(start=probability("start", self.start), end=probability("end", self.end))

    @staticmethod
    @abstractmethod
    def _shape(u: float) -> float: ...

    def _curve(self, u: float) -> float:
        return self.start + (self.end - self.start) * self._shape(u)

    def _meet(self, target: float, mean: float, total_steps: int) -> Schedule:
        shape = fsum(self._shape(t / total_steps) for t in range(total_steps)) / total_steps
        low, high = self.start * (1.0 - shape), self.start + (1.0 - self.start) * shape
        why = f"with start={self.start!r} fixed and end in [0, 1]"
        require_reachable(self, target, low, high, total_steps, why)
        end = self.start + (target - self.start) / shape if shape else self.end
        return type(self)(self.start, min(max(end, 0.0), 1.0))


class Linear(_Ramp):
    kind = "linear"

    @staticmethod
    def _shape(u: float) -> float:
        return u


class Cosine(_Ramp):
    kind = "cosine"

    @staticmethod
    def _shape(u: float) -> float:
        return 0.5 - 0.5 * cos(pi * u)


class Sine(_Ramp):
    kind = "sine"

    @staticmethod
    def _shape(u: float) -> float:
        return sin(0.5 * pi * u)


@dataclass(frozen=True, repr=False)
class Power(Family):
    k: float

    kind: ClassVar[str] = "power"

    def __post_init__(self) -> None:
        self._set(k=number("k", self.k, 0.0, inf))
        if self.k == 0.0:
            raise ValueError("k must be above 0, not 0.0; u**0 is constant(1)")

    def _curve(self, u: float) -> float:
        return pow(u, self.k)

    def _meet(self, target: float, mean: float, total_steps: int) -> Schedule:
        high = (total_steps - 1) / total_steps
        require_reachable(self, target, 0.0, high, total_steps, "with k > 0")
        return Power(_power_of_mean(target, total_steps)) if high else self


def _power_of_mean(mean: float, total_steps: int) -> float:
    """The k at which u**k has this mean over the steps, by bisection.

    The mean is a left Riemann sum of a rising function, so it lies within 1/T below the integral
    1 / (k + 1): that brackets k. The outermost k give 0 and (T - 1)/T, to rounding.
    """
    progress = [t / total_steps for t in range(total_steps)]
    least, most = 2.0**-50, 800.0 * total_steps
    low = max(least, 1.0 / (mean + 1.0 / total_steps) - 1.0)
    high = min(most, max(low, 1.0 / mean - 1.0)) if mean > 0.0 else most
    while low < (k := sqrt(low) * sqrt(high)) < high:
        excess = fsum(map(pow, progress, repeat(k))) / total_steps - mean
        if abs(excess) <= 1e-14:
            break
        low, high = (k, high) if excess > 0.0 else (low, k)
    return k


def constant(p: float) -> Constant:
    """The same probability at every step.

    p(u) = p; eta = 1 + p.

    Args:
        p: probability of a sharpness-aware step, in [0, 1]. `with_budget` moves it.

    Raises:
        ValueError: p is outside [0, 1].

    Source: SS-SAM (Zhao, Zhang and Hu, 2022, arXiv:2203.09962).

    >>> constant(0.5).at(3, 10)
    0.5
    """
    return Constant(p)


def linear(start: float = 0.0, end: float = 1.0) -> Linear:
    """A straight ramp.

    p(u) = start + (end - start) u; eta -> 1 + (start + end) / 2 for long runs.

    Args:
        start: probability at the first step, in [0, 1]; default 0.
        end: probability that the last step approaches, in [0, 1]; default 1. `with_budget`
            moves it.

    Raises:
        ValueError: start or end is outside [0, 1].

    Source: SS-SAM (Zhao, Zhang and Hu, 2022, arXiv:2203.09962).

    >>> linear(0.5, 1.0).probabilities(4)
    [0.5, 0.625, 0.75, 0.875]
    """
    return Linear(start, end)


def cosine(start: float = 0.0, end: float = 1.0) -> Cosine:
    """A half-cosine: flat at both ends, steepest in the middle; the trigonometric family.

    p(u) = start + (end - start) (1 - cos(pi u)) / 2; eta -> 1 + (start + end) / 2.

    Args:
        start: probability at the first step, in [0, 1]; default 0.
        end: probability that the last step approaches, in [0, 1]; default 1, and so rising;
            `cosine(1, 0)` falls. `with_budget` moves it.

    Raises:
        ValueError: start or end is outside [0, 1].

    Source: SS-SAM (Zhao, Zhang and Hu, 2022, arXiv:2203.09962).

    >>> [round(p, 3) for p in cosine(1, 0).probabilities(4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    return Cosine(start, end)


def sine(start: float = 0.0, end: float = 1.0) -> Sine:
    """A quarter of a sine: steep first, flat at the end; the trigonometric family.

    p(u) = start + (end - start) sin(pi u / 2); eta -> 1 + start + (end - start) 2 / pi.

    Args:
        start: probability at the first step, in [0, 1]; default 0.
        end: probability that the last step approaches, in [0, 1]; default 1, and so rising.
            `with_budget` moves it.

    Raises:
        ValueError: start or end is outside [0, 1].

    Source: the trigonometric family of SS-SAM (Zhao, Zhang and Hu, 2022, arXiv:2203.09962).

    >>> [round(p, 3) for p in sine(0, 1).probabilities(4)]
    [0.0, 0.383, 0.707, 0.924]
    """
    return Sine(start, end)


def power(k: float) -> Power:
    """A ramp from 0 to 1 that a larger k holds back for longer.

    p(u) = u^k; eta -> 1 + 1 / (k + 1) for long runs.

    Args:
        k: exponent, > 0 and finite; 1 is `linear(0, 1)`. `with_budget` moves it, and reaches
            [1, 2 - 1/T]: the first step is always plain.

    Raises:
        ValueError: k is not positive and finite.

    Not in the paper.

    >>> power(2).probabilities(4)
    [0.0, 0.0625, 0.25, 0.5625]
    """
    return Power(k)
