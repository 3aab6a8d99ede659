"""What each family of schedules would cost at a budget, before anything is paid for."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import NamedTuple

from sssam import schedules
from sssam.core.checks import count, number
from sssam.lab.report.schedules import Band
from sssam.lab.report.text import Cell
from sssam.schedules import BudgetError, Schedule
from sssam.schedules.draws import Draws

#: The families, each as the schedule whose free parameter is moved to meet the budget.
FAMILIES: Mapping[str, Schedule] = {
    "constant": schedules.constant(0.5),
    "piecewise": schedules.piecewise([0.5], [0.2, 0.8]),
    "linear": schedules.linear(0.0, 1.0),
    "linear, falling": schedules.linear(1.0, 0.0),
    "cosine": schedules.cosine(0.0, 1.0),
    "cosine, falling": schedules.cosine(1.0, 0.0),
    "sine": schedules.sine(0.0, 1.0),
    "power": schedules.power(2.0),
    "late block": schedules.late(0.5),
}


class AtBudget(NamedTuple):
    """One family at the budget; `schedule` is None where it can't reach it, `remark` says why.

    `expected` and `spread`: mean and standard deviation of the propagations a step over draws.
    """

    family: str
    schedule: Schedule | None
    expected: float = 0.0
    spread: float = 0.0
    remark: str = ""


def families(budget: float = 1.5, total_steps: int = 1000) -> list[AtBudget]:
    """Every family at a budget of propagations a step, in [1, 2], over at least one step.

    A family that misses it by less than one step in the run comes as close as it can.

    >>> [each.family for each in families(1.25, 100) if each.schedule is None]
    ['linear, falling', 'cosine, falling']
    """
    budget = number("budget", budget, 1.0, 2.0, remedy="1 is the base optimizer, 2 is SAM")
    count("total_steps", total_steps, 1, remedy="the steps of the whole run")
    return [_at(name, schedule, budget, total_steps) for name, schedule in FAMILIES.items()]


def _at(family: str, schedule: Schedule, budget: float, total_steps: int) -> AtBudget:
    try:
        met = schedule.with_budget(budget, total_steps)
    except BudgetError as error:
        low, high = error.reachable
        nearest = min(error.reachable, key=lambda end: abs(end - budget))
        if abs(nearest - budget) > 1 / total_steps:
            remark = f"reaches {low:.4g} to {high:.4g} from {schedule!r}"
            return AtBudget(family, None, remark=remark)
        met = schedule.with_budget(nearest, total_steps)
    expected = 1 + met.mean_probability(total_steps)
    return AtBudget(family, met, expected, sqrt(met.variance(total_steps)))


def bands(plans: Sequence[AtBudget], total_steps: int, seed: int = 0) -> list[Band]:
    """The schedules for a plot, with the steps that would be drawn at a seed."""
    made = []
    for each in plans:
        if each.schedule is not None:
            acting = set(Draws(each.schedule, total_steps, seed).acting_steps())
            taken = [step in acting for step in range(total_steps)]
            name = f"{each.schedule!r}: {each.expected:.3f} expected"
            made.append(Band(name, "scheduled", each.schedule.probabilities(total_steps), taken))
    return made


def cells(plans: Sequence[AtBudget]) -> list[list[Cell]]:
    """What can be had at the budget, a line a family."""
    return [
        [
            Cell("schedule", repr(each.schedule)),
            Cell("propagations", f"{each.expected:.4f}"),
            Cell("spread over draws", f"{each.spread:.4f}" if each.spread else "exactly"),
        ]
        for each in plans
        if each.schedule is not None
    ]
