"""Schedules out of schedules: sums, products, clamps, mirrors, sequences."""

from abc import abstractmethod
from dataclasses import dataclass
from math import inf
from typing import ClassVar, TypeVar

from sssam.core.checks import count, number
from sssam.schedules.base import StepFunction, steps_in
from sssam.schedules.budget import target_mean

X = TypeVar("X", float, "Schedule")


class Schedule(StepFunction):
    """A scheduling function: step or progress -> probability of a sharpness-aware step.

    An immutable value, built by `constant`, `piecewise`, `linear`, `cosine`, `sine`, `power`,
    `late` and `custom`, and joined by `+`, `-`, `*`, `clamp`, `reversed` and `then`. Its `repr`
    evaluates back to an equal value. Source: SS-SAM (Zhao, Zhang and Hu, 2022, arXiv:2203.09962).

    >>> from sssam.schedules import constant, linear
    >>> (linear(0, 1) * 2 - 0.5).clamp(0, 1).mean_probability(100)
    0.495
    >>> constant(0).then(linear(0.2, 1), at=0.25)
    constant(0.0).then(linear(0.2, 1.0), 0.25)
    """

    def __add__(self, other: "Schedule | float") -> "Schedule":
        return Sum(self, other) if _is_term(other) else NotImplemented

    def __radd__(self, other: float) -> "Schedule":
        return Sum(other, self) if _is_term(other) else NotImplemented

    def __sub__(self, other: "Schedule | float") -> "Schedule":
        return Difference(self, other) if _is_term(other) else NotImplemented

    def __rsub__(self, other: float) -> "Schedule":
        return Difference(other, self) if _is_term(other) else NotImplemented

    def __mul__(self, other: "Schedule | float") -> "Schedule":
        return Product(self, other) if _is_term(other) else NotImplemented

    def __rmul__(self, other: float) -> "Schedule":
        return Product(other, self) if _is_term(other) else NotImplemented

    def clamp(self, low: float = 0.0, high: float = 1.0) -> "Schedule":
        """min(max(p, low), high); NaN stays NaN, and so stays an error."""
        return Clamp(self, low, high)

    def reversed(self) -> "Schedule":
        """The mirror in time, step for step: p(T - 1 - t). The expected count is kept exactly.

        Swapping the ends of a ramp differs from it by one step:

        >>> from sssam.schedules import linear
        >>> linear(0, 1).reversed().probabilities(4), linear(1, 0).probabilities(4)
        ([0.75, 0.5, 0.25, 0.0], [1.0, 0.75, 0.5, 0.25])
        """
        return Reversed(self)

    def then(self, second: "Schedule", at: float = 0.5) -> "Schedule":
        """This schedule on the first round(at T) steps, then `second`; each over its own length.

        Args:
            second: what follows.
            at: the share of the steps before it, in (0, 1); halves of a step are rounded up.

        >>> from sssam.schedules import constant, linear
        >>> constant(0).then(linear(0, 1), at=0.2).probabilities(5)
        [0.0, 0.0, 0.25, 0.5, 0.75]
        """
        return Then(self, second, at)

    def with_budget(self, propagations: float, total_steps: int) -> "Schedule":
        """The schedule of this family that costs `propagations` a step, to 1e-12.

        | family | what moves |
        |---|---|
        | constant | p |
        | linear, cosine, sine | `end`; `start` stays |
        | power | k |
        | late | f; the remainder is the probability of the block's first step |
        | piecewise | all values: v c to lower, 1 - (1 - v) c to raise the count |
        | any other | by the same rule, the function as a whole |

        Args:
            propagations: the expected number of propagations a step, in [1, 2].
            total_steps: steps of the run, T >= 1.

        Returns:
            A schedule with |1 + mean_probability(total_steps) - propagations| <= 1e-12.

        Raises:
            BudgetError: the budget is out of reach; names the interval that can be reached.

        >>> from sssam.schedules import late, linear
        >>> linear(0, 1).with_budget(1.25, total_steps=101)
        linear(0.0, 0.505)
        >>> late(0.5).with_budget(1.125, total_steps=100)
        late(0.13, 0.5)
        """
        total_steps = count("total_steps", total_steps, 1)
        target = target_mean(propagations)
        mean = self.mean_probability(total_steps)
        return self if abs(mean - target) <= 1e-15 else self._meet(target, mean, total_steps)

    def _meet(self, target: float, mean: float, total_steps: int) -> "Schedule":
        """A schedule of mean `target`, from this one of another `mean`."""
        return moved(self, mean, target)


def moved(value: X, mean: float, target: float) -> X:
    """`value` moved towards 0 or towards 1, as takes a mean of `mean` to another, `target`."""
    if target < mean:
        return value * (target / mean)
    return 1.0 - (1.0 - value) * ((1.0 - target) / (1.0 - mean))


def _is_term(value: object) -> bool:
    return isinstance(value, Schedule | int | float) and not isinstance(value, bool)


def _finite(name: str, value: float) -> float:
    return number(name, value, -inf, inf, remedy="use a finite number")


def _term(value: Schedule | float) -> Schedule | float:
    return value if isinstance(value, Schedule) else _finite("a term of the algebra", value)


def _schedule(name: str, value: object) -> Schedule:
    if isinstance(value, Schedule):
        return value
    raise TypeError(
        f"{name} must be a schedule, not {value!r}; a number becomes one by constant({value!r})"
    )


def _curve(term: Schedule | float, u: float) -> float:
    return term._curve(u) if isinstance(term, Schedule) else term


def _step(term: Schedule | float, t: int, total_steps: int) -> float:
    return term._step(t, total_steps) if isinstance(term, Schedule) else term


@dataclass(frozen=True, repr=False)
class _Binary(Schedule):
    """Two terms, at least one of them a schedule, and what is done with their values."""

    left: Schedule | float
    right: Schedule | float

    symbol: ClassVar[str]

    def __post_init__(self) -> None:
        self._set(left=_term(self.left), right=_term(self.right))
        if not (isinstance(self.left, Schedule) or isinstance(self.right, Schedule)):
            raise TypeError(
                f"a {self.kind} needs a schedule, not {self.left!r} and {self.right!r} alone"
            )

    @abstractmethod
    def _combine(self, left: float, right: float) -> float: ...

    def _curve(self, u: float) -> float:
        return self._combine(_curve(self.left, u), _curve(self.right, u))

    def _step(self, t: int, total_steps: int) -> float:
        return self._combine(_step(self.left, t, total_steps), _step(self.right, t, total_steps))

    def __repr__(self) -> str:
        return f"({self.left!r} {self.symbol} {self.right!r})"


class Sum(_Binary):
    kind, symbol = "sum", "+"

    def _combine(self, left: float, right: float) -> float:
        return left + right


class Difference(_Binary):
    kind, symbol = "difference", "-"

    def _combine(self, left: float, right: float) -> float:
        return left - right


class Product(_Binary):
    kind, symbol = "product", "*"

    def _combine(self, left: float, right: float) -> float:
        return left * right


@dataclass(frozen=True, repr=False)
class Clamp(Schedule):
    inner: Schedule
    low: float = 0.0
    high: float = 1.0

    kind: ClassVar[str] = "clamp"

    def __post_init__(self) -> None:
        self._set(inner=_schedule("the inner schedule of clamp", self.inner))
        self._set(low=_finite("low", self.low), high=_finite("high", self.high))
        if self.low > self.high:
            raise ValueError(f"low must be at most high, not {self.low!r} > {self.high!r}")

    # the value stands first in min and max, so that NaN passes through
    def _curve(self, u: float) -> float:
        return min(max(self.inner._curve(u), self.low), self.high)

    def _step(self, t: int, total_steps: int) -> float:
        return min(max(self.inner._step(t, total_steps), self.low), self.high)

    def __repr__(self) -> str:
        return f"{self.inner!r}.clamp({self.low!r}, {self.high!r})"


@dataclass(frozen=True, repr=False)
class Reversed(Schedule):
    inner: Schedule

    kind: ClassVar[str] = "reversed"

    def __post_init__(self) -> None:
        _schedule("the inner schedule of reversed", self.inner)

    def _curve(self, u: float) -> float:
        return self.inner._curve(1.0 - u)

    def _step(self, t: int, total_steps: int) -> float:
        return self.inner._step(total_steps - 1 - t, total_steps)

    def __repr__(self) -> str:
        return f"{self.inner!r}.reversed()"


@dataclass(frozen=True, repr=False)
class Then(Schedule):
    first: Schedule
    second: Schedule
    share: float = 0.5

    kind: ClassVar[str] = "then"

    def __post_init__(self) -> None:
        _schedule("first", self.first)
        _schedule("second", self.second)
        self._set(share=number("at", self.share, 0.0, 1.0))
        if self.share in (0.0, 1.0):
            raise ValueError(
                f"at must be in (0, 1), not {self.share!r}; at its ends one part stands alone"
            )

    def _curve(self, u: float) -> float:
        if u < self.share:
            return self.first._curve(u / self.share)
        return self.second._curve((u - self.share) / (1.0 - self.share))

    def _step(self, t: int, total_steps: int) -> float:
        edge = steps_in(self.share, total_steps)
        if t < edge:
            return self.first._step(t, edge)
        return self.second._step(t - edge, total_steps - edge)

    def __repr__(self) -> str:
        return f"{self.first!r}.then({self.second!r}, {self.share!r})"
