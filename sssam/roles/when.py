"""When: at which steps does a method act?"""

import math
from dataclasses import dataclass
from typing import Protocol

from sssam.core.checks import count
from sssam.schedules.draws import Draws


class When(Protocol):
    """A decision known before the step's first pass, the same on every rank."""

    def acts(self, t: int) -> bool:
        """Whether the method acts at step t, counted from 0."""
        ...

    def rate(self, total_steps: int | None) -> float:
        """The expected part of the steps at which it acts, in [0, 1]."""
        ...


@dataclass(frozen=True)
class Scheduled:
    """A draw whose probability is given by a scheduling function: SS-SAM's coin."""

    draws: Draws

    def acts(self, t: int) -> bool:
        """The coin of step t."""
        return self.draws(t)

    def rate(self, total_steps: int | None) -> float:
        """The mean of p(t) over the schedule's own total steps."""
        return self.draws.schedule.mean_probability(self.draws.total_steps)


@dataclass(frozen=True)
class Every:
    """Each k-th step, the first one included: t = 0, k, 2k, ..."""

    k: int

    def __post_init__(self) -> None:
        count("k", self.k, 1, remedy="1 acts at every step")

    def acts(self, t: int) -> bool:
        """Whether k divides t."""
        return t % self.k == 0

    def rate(self, total_steps: int | None) -> float:
        """ceil(T / k) / T, or its limit 1 / k where T is not known."""
        return 1 / self.k if total_steps is None else math.ceil(total_steps / self.k) / total_steps
