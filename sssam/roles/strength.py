"""Multipliers on rho: for the SAM steps that a schedule skips, and with the learning rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Literal, Protocol, get_args

from sssam.core.checks import number
from sssam.core.passes import Step
from sssam.schedules import Schedule
from sssam.schedules.draws import GRID
from sssam.schedules.progress import Progress

How = Literal["fixed", "per-step", "total"]
#: A radius this many times rho has left the neighbourhood in which rho means anything.
LIMIT = 10.0


class Factor(Protocol):
    """Makes rho a function of the step."""

    def factor(self, step: Step) -> float:
        """The factor on rho at this step."""
        ...


@dataclass(frozen=True)
class Strength:
    """The factor on rho at step t: 1, or what makes up for the steps that are skipped.

    A step that is SAM with probability p applies in expectation only p rho of SAM's
    regularisation (to first order in rho; ours, in the spirit of G-RST, arXiv 2203.09962 v2).

    Args:
        schedule, total_steps: whose probabilities p(t) are made up for.
        how: "fixed": 1; "per-step": 1 / max(p(t), floor); "total": 1 / mean(p).
        floor: in (0, 1]; keeps the factor of a rarely taken step bounded. Default 0.1.
        progress: of the training, where steps may not be what counts it; then `total_steps` may be
            None, mean(p) is not known, and "per-step" needs a floor of 0.1 or more.

    Raises:
        ValueError: when some step that can be taken would get more than ten times rho.
    """

    schedule: Schedule
    total_steps: int | None
    how: How = "fixed"
    floor: float = 0.1
    progress: Progress | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.how not in get_args(How):
            raise ValueError(
                f"strength must be one of {', '.join(get_args(How))}, not {self.how!r}"
            )
        number("strength_floor", self.floor, 1e-9, 1.0)
        self._check_progress()
        if self.how == "fixed":
            return  # and of a long run no step is looked at
        probabilities = self.schedule.probabilities(self.total_steps or GRID)
        if self.how == "total":
            object.__setattr__(self, "_mean", fsum(probabilities) / len(probabilities))
        _, high = self.range(probabilities)
        if high > LIMIT:
            raise ValueError(
                f"strength={self.how!r} needs {high:.3g} times rho at some step of "
                f"{self.schedule!r}, more than the {LIMIT:g} that are allowed; use "
                f"strength='fixed', a higher probability, or a strength_floor of {1 / LIMIT:g}"
            )

    def __call__(self, t: int) -> float:
        """The factor on rho at step t."""
        if self.how == "fixed":
            return 1.0
        u = None if self.progress is None else self.progress.at(t)
        if u is None and self.total_steps is not None:
            return self._factor(self.schedule.at(t, self.total_steps))
        return self._factor(self.schedule(0.0 if u is None else u))

    def factor(self, step: Step) -> float:
        """The factor on rho at this step."""
        return self(step.t)

    def _check_progress(self) -> None:
        by_mean = self.how == "total"
        if not by_mean and (self.how == "fixed" or self.floor >= 1 / LIMIT):
            return
        why = (
            f"strength={self.how!r} needs total_steps, for mean(p) is that over all of them; where "
            "progress is set or read off a clock, use strength='per-step' or 'fixed'"
            if by_mean
            else f"strength_floor must be at least {1 / LIMIT:g} where progress is set or read off "
            f"a clock, not {self.floor!r}, for p may then take any value"
        )
        if self.total_steps is None:
            raise ValueError(why)
        if self.progress is not None:
            self.progress.refuse(why)

    def _factor(self, p: float) -> float:
        if self.how == "per-step":
            return 1.0 / max(p, self.floor)
        mean: float = self.__dict__.get("_mean", 0.0)  # of "total" alone
        return 1.0 / mean if mean > 0 else 1.0

    def range(self, probabilities: Sequence[float]) -> tuple[float, float]:
        """The least and the greatest factor over the steps that can be taken (p > 0)."""
        factors = [self._factor(p) for p in set(probabilities) if p > 0]
        return (min(factors), max(factors)) if factors else (1.0, 1.0)


@dataclass(frozen=True)
class WithRate:
    """rho falls with the learning rate (GSAM): from rho at lr_max to rho_min at lr_min.

    rho_t = rho_min + (rho - rho_min) (lr_t - lr_min) / (lr_max - lr_min), lr_t that of the first
    param group, and never outside [rho_min, rho], as in a warm-up from below lr_min.
    """

    rho: float
    rho_min: float
    lr_max: float
    lr_min: float = 0.0

    def __post_init__(self) -> None:
        number("rho_min", self.rho_min, 0.0, self.rho, remedy="rho is the greatest radius")
        number("lr_min", self.lr_min, 0.0, math.inf)
        if number("lr_max", self.lr_max, 0.0, math.inf) <= self.lr_min:
            raise ValueError(
                f"lr_max must be above lr_min={self.lr_min:g}, not {self.lr_max!r}; give the "
                "greatest learning rate of the run"
            )

    def factor(self, step: Step) -> float:
        """rho_t / rho; 1 where rho is 0."""
        if not self.rho:
            return 1.0
        rate = float(step.groups[0]["lr"]) if step.groups else self.lr_max
        way = min(max((rate - self.lr_min) / (self.lr_max - self.lr_min), 0.0), 1.0)
        return (self.rho_min + (self.rho - self.rho_min) * way) / self.rho
