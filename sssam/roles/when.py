"""When: at which steps does a method act?"""

import math
from dataclasses import dataclass, field
from typing import Protocol

from sssam.core.checks import count
from sssam.schedules.draws import SYSTEMATIC, Draws
from sssam.schedules.progress import Progress


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
    """A draw whose probability is given by a scheduling function: SS-SAM's coin.

    Args:
        draws: the schedule, the seed and the kind of the draws.
        progress: of the training, where steps may not be what counts it. Default: they are.
    """

    draws: Draws
    progress: Progress | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.progress is not None and self.draws.total_steps is None:
            self.progress.require()
        if self.progress is not None and self.draws.kind == "systematic":
            self.progress.refuse(SYSTEMATIC)

    def acts(self, t: int) -> bool:
        """The coin of step t."""
        return self.draws(t, None if self.progress is None else self.progress.at(t))

    def rate(self, total_steps: int | None) -> float:
        """The mean of p(t) over the schedule's own total steps.

        Raises:
            RuntimeError: the steps are not known, since progress is something else.
        """
        own = self.draws.total_steps
        if own is None or (self.progress is not None and self.progress.state()):
            raise RuntimeError(
                "expected_propagations is not known before training, for progress is not counted "
                "in steps; read optimizer.propagations while it trains, or for n steps at an even "
                "pace the share schedule.mean_probability(n)"
            )
        return self.draws.schedule.mean_probability(own)


@dataclass(frozen=True)
class Every:
    """Each k-th step, t = first, first + k, first + 2k, ..., first in 0 to k - 1; by default 0."""

    k: int
    first: int = 0

    def __post_init__(self) -> None:
        count("k", self.k, 1, remedy="1 acts at every step")
        if count("first", self.first, 0) >= self.k:
            raise ValueError(f"first must be below k={self.k}, not {self.first}")

    def acts(self, t: int) -> bool:
        """Whether k divides t - first."""
        return t % self.k == self.first

    def rate(self, total_steps: int | None) -> float:
        """ceil((T - first) / k) / T, or its limit 1 / k where T is not known."""
        if total_steps is None:
            return 1 / self.k
        return max(math.ceil((total_steps - self.first) / self.k), 0) / total_steps
