"""Scheduling functions: the probability of a sharpness-aware step, for each step of a run."""

from sssam.schedules.algebra import Schedule
from sssam.schedules.aligned import aligned
from sssam.schedules.blocks import late, piecewise
from sssam.schedules.budget import BudgetError
from sssam.schedules.callables import custom
from sssam.schedules.families import constant, cosine, linear, power, sine
from sssam.schedules.serial import from_dict

__all__ = [
    "BudgetError",
    "Schedule",
    "aligned",
    "constant",
    "cosine",
    "custom",
    "from_dict",
    "late",
    "linear",
    "piecewise",
    "power",
    "sine",
]
