"""A function of the step to a probability: how it is evaluated, checked and averaged."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import lru_cache
from math import floor, fsum
from typing import Any, ClassVar

from sssam.core.checks import count, number

DUST = 1e-13
"""What rounding may add outside [0, 1]: a tenth of the tolerance that budgets are met to."""


def probability(name: str, value: float) -> float:
    """`value` as a float, when it lies in [0, 1]."""
    remedy = "0 is never, 1 is always; a function with a larger range can be ended by .clamp(0, 1)"
    return number(name, value, 0.0, 1.0, remedy=remedy)


@lru_cache(maxsize=4096)
def steps_in(fraction: float, total_steps: int) -> int:
    """The whole number of steps nearest to `fraction * total_steps`, halves rounded up.

    The decimal that the user typed is what is rounded, so 0.145 of 100 steps is 15 although
    the binary number nearest to 0.145 lies below it.

    >>> steps_in(0.145, 100), round(0.145 * 100)
    (15, 14)
    """
    return floor(Fraction(repr(fraction)) * total_steps + Fraction(1, 2))


@dataclass(frozen=True, repr=False)
class StepFunction(ABC):
    """A probability for each step of a run, as an immutable value.

    Subclasses are frozen dataclasses that give `_curve`, and `_step` where a count of steps says
    more than a progress does. Both are unrestricted, so that a sum may leave [0, 1] before it is
    clamped; only what is handed out is checked.
    """

    kind: ClassVar[str]
    """The public constructor, and the name in `to_dict`."""

    @abstractmethod
    def _curve(self, u: float) -> float:
        """The value at progress u in [0, 1]."""

    def _step(self, t: int, total_steps: int) -> float:
        """The value at step t in 0 ... total_steps - 1."""
        return self._curve(t / total_steps)

    def __call__(self, u: float) -> float:
        """The probability at progress u in [0, 1]; for people and plots.

        >>> from sssam.schedules import linear
        >>> linear(0, 1)(0.25)
        0.25
        """
        u = number("u, the progress,", u, 0.0, 1.0)
        return self._checked(self._curve(u), f"progress {u!r}")

    def at(self, t: int, total_steps: int) -> float:
        """The probability at step t, exact on integers.

        p(t) = p(u) with u = t / T; edges of blocks are counted in steps instead.

        Args:
            t: step, counted from 0; from `total_steps` on, the value at u = 1 continues.
            total_steps: steps of the run, T >= 1.

        Returns:
            A probability in [0, 1].

        Raises:
            ValueError: the value at t is NaN or outside [0, 1], or an argument is too small.
            TypeError: an argument is not an integer.

        >>> from sssam.schedules import late
        >>> [late(0.5).at(t, 5) for t in range(7)]
        [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
        """
        if type(t) is not int or t < 0:
            t = count("t, the step,", t, 0)
        if type(total_steps) is not int or total_steps < 1:
            total_steps = count("total_steps", total_steps, 1)
        p = self._step(t, total_steps) if t < total_steps else self._curve(1.0)
        return p if 0.0 <= p <= 1.0 else self._checked(p, f"step {t} of {total_steps}")

    def _checked(self, p: float, where: str) -> float:
        if -DUST <= p <= 1.0 + DUST:
            return min(max(p, 0.0), 1.0)
        remedy = (
            "make its callable return a number there"
            if p != p
            else "end it with .clamp(0, 1), or scale it"
        )
        raise ValueError(
            f"schedule {self!r} gives {p!r} at {where}; probabilities lie in [0, 1]: {remedy}"
        )

    def validate(self, total_steps: int) -> None:
        """Raise now what `at` would raise at some step of the run; costs one pass over it."""
        self.probabilities(total_steps)

    def probabilities(self, total_steps: int) -> list[float]:
        """The probability of each step: `[at(t, total_steps) for t in range(total_steps)]`."""
        return [self.at(t, total_steps) for t in range(count("total_steps", total_steps, 1))]

    def mean_probability(self, total_steps: int) -> float:
        """The expected share of sharpness-aware steps, over the very steps that are taken.

        (1/T) sum_{t<T} p(t). With an ascent on the whole batch a step then costs 1 + that many
        propagations in expectation; what a method costs, `optimizer.expected_propagations` says.

        Args:
            total_steps: steps of the run, T >= 1.

        Returns:
            The mean, in [0, 1]: 0 for the base optimizer, 1 for SAM.

        Differs from the paper's count (SS-SAM, Zhao, Zhang and Hu, 2022, arXiv:2203.09962), which
        is the limit for long runs.

        >>> from sssam.schedules import linear
        >>> linear(0, 1).mean_probability(10)
        0.45
        """
        return fsum(self.probabilities(total_steps)) / total_steps

    def variance(self, total_steps: int) -> float:
        """The variance of the realised share of sharpness-aware steps, under Bernoulli draws.

        Var = (1/T^2) sum_{t<T} p(t) (1 - p(t)), at most 1 / (4 T).

        Args:
            total_steps: steps of the run, T >= 1.

        >>> from sssam.schedules import constant, late
        >>> constant(0.5).variance(100), late(0.5).variance(100)
        (0.0025, 0.0)
        """
        return fsum(p * (1.0 - p) for p in self.probabilities(total_steps)) / total_steps**2

    def to_dict(self) -> dict[str, Any]:
        """The value as plain JSON types, for `from_dict` to read back.

        >>> from sssam.schedules import linear
        >>> linear(0, 1).to_dict()
        {'kind': 'linear', 'start': 0.0, 'end': 1.0}
        """
        plain = {name: _plain(value) for name, value in self._values().items()}
        return {"kind": self.kind, **plain}

    def _values(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def _set(self, **checked: object) -> None:
        """Put checked values in place of what the constructor was given."""
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"{self.kind}({', '.join(repr(value) for value in self._values().values())})"


def _plain(value: Any) -> Any:
    if isinstance(value, StepFunction):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value
