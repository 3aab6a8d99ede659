"""Directions that remember: made from gradients of earlier steps too."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from sssam.core.checks import number, share
from sssam.core.passes import Signal, Step
from sssam.core.vectors import Vector, add, copied, either, norm, scale


@dataclass(frozen=True)
class Friendly:
    """g less what its batches have in common: d = g - sigma m (Friendly SAM).

    m = lam m + (1 - lam) g, from 0, updated before it is used. A step whose gradient is not finite
    leaves m as it was.

    Args:
        sigma: the part of m that is taken off, at least 0; 0 is SAM's direction.
        lam: the memory of m, in [0, 1].
        name: under which m is kept.
        fraction: the part of the batch that goes through the pass at w.
    """

    sigma: float
    lam: float
    name: str = "m"
    fraction: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "fraction", share("ascent_fraction", self.fraction))
        object.__setattr__(self, "sigma", number("sigma", self.sigma, 0.0, float("inf")))
        object.__setattr__(self, "lam", number("lam", self.lam, 0.0, 1.0))

    @torch.no_grad()
    def signal(self, step: Step, gradient: Vector) -> Signal:
        """g - sigma m; keeps m."""
        old = step.recall(self.name)
        new = add(scale(gradient, 1.0 - self.lam), old, self.lam, overwrite=True)
        length = norm(gradient)
        if not (length.is_cpu and math.isfinite(length)):
            unmoved = {i: torch.zeros_like(part) for i, part in new.items()} | old
            new = either(torch.isfinite(length), new, unmoved)
        return Signal(add(gradient, new, -self.sigma), {self.name: new}, owned=True)


@dataclass(frozen=True)
class Stale:
    """The gradient at w of the step before, while this step's is made for the next (AsyncSAM).

    Neither pass of a step needs the other, so that on two devices only one is waited for. At the
    first step there is none before, and it is this step's.

    Args:
        fraction: the part of the batch that goes through the pass at w.
        name: under which the gradient is kept.
    """

    fraction: float = 1.0
    name: str = "stale"

    def __post_init__(self) -> None:
        object.__setattr__(self, "fraction", share("ascent_fraction", self.fraction))

    def signal(self, step: Step, gradient: Vector) -> Signal:
        """The gradient of the step before; keeps this step's."""
        before = step.recall(self.name)
        # A step that is given up leaves `before` as it was.
        if before:
            return Signal(before, {self.name: {**gradient}})
        return Signal(gradient, {self.name: copied(gradient)}, owned=True)


@dataclass(frozen=True)
class Last:
    """What the mix `Kept` kept at the step before: its gradient at w + e, for no pass (S2-SAM).

    At the first step there is none, and nothing moves.
    """

    name: str = "descent"
    fraction: ClassVar[float] = 0.0

    def signal(self, step: Step, gradient: Vector) -> Signal:
        """The gradient that was kept."""
        return Signal(step.recall(self.name))
