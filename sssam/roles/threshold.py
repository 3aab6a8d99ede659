"""When, decided after the pass at w: is the gradient large for its time (AE-SAM)?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple, Protocol

from sssam.core.checks import count, number
from sssam.core.passes import NOTHING, Step


class Decision(NamedTuple):
    """Whether a method acts, and the numbers that the decision keeps for later steps."""

    acts: bool
    numbers: Mapping[str, float] = NOTHING


class GradientWhen(Protocol):
    """A decision made from the squared norm of the gradient at w, the same on every rank."""

    def decide(self, step: Step, square: float) -> Decision:
        """Whether the method acts."""
        ...


def _level(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if math.isnan(value):
        raise ValueError(f"{name} must be a number or an infinity, not nan")
    return float(value)


@dataclass(frozen=True)
class Threshold:
    """||g||^2 >= mu + c sigma, with running mean and variance of ||g||^2 (AE-SAM).

    mu = d mu + (1 - d) ||g||^2 and sigma^2 = d sigma^2 + (1 - d) (||g||^2 - mu)^2, both from 0 and
    both updated first; c moves linearly from l2 at the first step to l1 at the last. A gradient
    that is not finite leaves both as they were, and does not act.

    Args:
        total_steps: of the whole run, at least 1.
        l1, l2: c at the end and at the start; numbers, or both the same infinity.
        memory: d, in [0, 1].
    """

    total_steps: int
    l1: float = -1.0
    l2: float = 1.0
    memory: float = 0.9

    def __post_init__(self) -> None:
        count("total_steps", self.total_steps, 1, remedy="give epochs * len(loader)")
        for name in ("l1", "l2"):
            object.__setattr__(self, name, _level(name, getattr(self, name)))
        if self.l1 != self.l2 and math.isinf(self.l1 - self.l2):
            raise ValueError(
                f"l1 and l2 must be finite, or both the same infinity, not {self.l1} and {self.l2}"
            )
        object.__setattr__(self, "memory", number("memory", self.memory, 0.0, 1.0))

    def level(self, t: int) -> float:
        """c at step t."""
        way = min(t / self.total_steps, 1.0)
        return self.l1 if self.l1 == self.l2 else way * self.l1 + (1 - way) * self.l2

    def decide(self, step: Step, square: float) -> Decision:
        """Whether ||g||^2 is as large as that; keeps mu and sigma^2."""
        if not math.isfinite(square):
            return Decision(False)
        d, before = self.memory, step.numbers
        mean = d * before.get("mean", 0.0) + (1 - d) * square
        variance = d * before.get("variance", 0.0) + (1 - d) * (square - mean) ** 2
        c = self.level(step.t)
        acts = c < 0 if math.isinf(c) else square >= mean + c * math.sqrt(variance)
        return Decision(acts, {"mean": mean, "variance": variance})
