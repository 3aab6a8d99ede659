"""Budgets: how one is read, and what is said when a schedule cannot meet it."""

from fractions import Fraction

from sssam.core.checks import number
from sssam.schedules.base import StepFunction

TOLERANCE = 5e-13
"""How far a mean may lie beyond what can be reached and still be met by the nearest end."""


class BudgetError(ValueError):
    """A budget that a schedule cannot meet; `reachable` is the interval of those that it can."""

    def __init__(self, message: str, reachable: tuple[float, float] = (1.0, 2.0)) -> None:
        super().__init__(message)
        self.reachable = reachable


def target_mean(propagations: float) -> float:
    """The mean probability that a budget asks for, as the decimal that was typed less one.

    >>> target_mean(1.1), 1.1 - 1
    (0.1, 0.10000000000000009)
    """
    remedy = "1 is the base optimizer, 2 is SAM at every step"
    return float(Fraction(repr(number("propagations", propagations, 1.0, 2.0, remedy=remedy))) - 1)


def require_reachable(
    schedule: StepFunction, mean: float, low: float, high: float, total_steps: int, why: str
) -> None:
    """Raise unless `mean` lies in [low, high], the means that `schedule` can be moved to."""
    if low - TOLERANCE <= mean <= high + TOLERANCE:
        return
    raise BudgetError(
        f"propagations is {1.0 + mean!r}, but {schedule!r} over {total_steps} steps reaches "
        f"[{1.0 + low!r}, {1.0 + high!r}] {why}; choose a budget in this interval or another "
        "family: constant, late and piecewise reach all of [1, 2]",
        (1.0 + low, 1.0 + high),
    )
