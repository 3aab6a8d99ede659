"""The families with edges, counted in steps: piecewise and the late block."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from itertools import pairwise
from math import ceil
from typing import ClassVar

from sssam.core.checks import number
from sssam.schedules.algebra import Schedule, moved
from sssam.schedules.base import DUST, probability, steps_in
from sssam.schedules.families import Family


@lru_cache(maxsize=1024)
def _edges(boundaries: tuple[float, ...], total_steps: int) -> tuple[int, ...]:
    return tuple(steps_in(b, total_steps) for b in boundaries)


@dataclass(frozen=True, repr=False)
class Piecewise(Family):
    boundaries: tuple[float, ...]
    values: tuple[float, ...]

    kind: ClassVar[str] = "piecewise"

    def __post_init__(self) -> None:
        boundaries = _each(partial(number, low=0.0, high=1.0), "boundaries", self.boundaries)
        values = _each(probability, "values", self.values)
        self._set(boundaries=boundaries, values=values)
        if any(a >= b for a, b in pairwise([0.0, *boundaries, 1.0])):
            raise ValueError(f"boundaries must rise strictly inside (0, 1), not {list(boundaries)}")
        if len(values) != len(boundaries) + 1:
            raise ValueError(
                f"values must have length {len(boundaries) + 1}, not {len(values)}; "
                f"the number of pieces that {len(boundaries)} boundaries make"
            )

    def _curve(self, u: float) -> float:
        return self.values[bisect_right(self.boundaries, u)]

    def _step(self, t: int, total_steps: int) -> float:
        return self.values[bisect_right(_edges(self.boundaries, total_steps), t)]

    def _meet(self, target: float, mean: float, total_steps: int) -> Schedule:
        return Piecewise(self.boundaries, tuple(moved(v, mean, target) for v in self.values))

    def __repr__(self) -> str:
        return f"piecewise({list(self.boundaries)}, {list(self.values)})"


@dataclass(frozen=True, repr=False)
class Late(Family):
    f: float
    first: float = 1.0

    kind: ClassVar[str] = "late"

    def __post_init__(self) -> None:
        self._set(f=probability("f", self.f), first=probability("first", self.first))

    def _curve(self, u: float) -> float:
        return float(self.f > 0.0 and u >= 1.0 - self.f - DUST)

    def _step(self, t: int, total_steps: int) -> float:
        into = t - (total_steps - steps_in(self.f, total_steps))
        return float(into > 0) if into else self.first

    def __repr__(self) -> str:
        return f"late({self.f!r})" if self.first == 1.0 else f"late({self.f!r}, {self.first!r})"

    def _meet(self, target: float, mean: float, total_steps: int) -> Schedule:
        count = Fraction(repr(target)) * total_steps
        # a budget such as 1 + 2/3 is a rounded number: no step of probability 1e-16 for that
        if abs(count - round(count)) * 10**13 <= total_steps:
            count = Fraction(round(count))
        steps = ceil(count)
        return Late(steps / total_steps, float(1 - (steps - count)))


def _each(
    check: Callable[[str, float], float], name: str, values: Iterable[float]
) -> tuple[float, ...]:
    if not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a list of numbers, not {values!r}")
    return tuple(check(f"{name}[{i}]", value) for i, value in enumerate(values))


def piecewise(boundaries: Iterable[float], values: Iterable[float]) -> Piecewise:
    """Constant pieces: any number of them, at any boundaries.

    p(u) = values[i] for boundaries[i-1] <= u < boundaries[i]; eta -> 1 + sum_i values[i] d_i for
    pieces of length d_i. The published form has two levels: `piecewise([b], [p, 1 - p])`.

    Args:
        boundaries: progress at which one piece ends and the next begins, rising strictly in
            (0, 1). At T steps piece i + 1 begins at step round(boundaries[i] T), halves up; so
            short runs may leave a piece without steps.
        values: the probability of each piece, in [0, 1], one more than boundaries. `with_budget`
            moves all of them, and so leaves the form [p, 1 - p].

    Raises:
        ValueError: boundaries out of order, a value outside [0, 1], or lengths that do not fit.

    Source: SS-SAM (Zhao, Zhang and Hu, 2022, arXiv:2203.09962).

    >>> piecewise([0.5], [0.25, 0.75]).probabilities(4)
    [0.25, 0.25, 0.75, 0.75]
    """
    return Piecewise(boundaries, values)  # type: ignore[arg-type]  # made tuples by its checks


def late(f: float, first: float = 1.0) -> Late:
    """SAM on the last round(f T) steps and the base optimizer before them.

    p(t) = 0 for t < T - n, `first` for t = T - n, 1 after it, with n = round(f T), halves up;
    eta = 1 + (n - 1 + first) / T.

    Args:
        f: length of the block as a fraction of the run, in [0, 1].
        first: probability of the block's first step, in [0, 1]; default 1. `with_budget` moves f,
            and gives this step what is left of a budget that is no whole number of steps.

    Raises:
        ValueError: f or first is outside [0, 1].

    Source: Zhou et al., "Sharpness-Aware Minimization Efficiently Selects Flatter Minima Late in
    Training", 2024, arXiv:2410.10373. Not in the SS-SAM paper.

    >>> late(0.5).probabilities(5), late(0.5, first=0.5).probabilities(5)
    ([0.0, 0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.5, 1.0, 1.0])
    """
    return Late(f, first)
