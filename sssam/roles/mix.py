"""Mix: which gradient does the base optimizer get?"""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch

from sssam.checks import number
from sssam.passes import Step
from sssam.vectors import Vector, add, dense, dot, scale, unit


class Mix(Protocol):
    """Makes the base optimizer's gradient from the one at w + e and, perhaps, the one at w."""

    @property
    def needs_first(self) -> bool:
        """Whether it uses the gradient at w."""
        ...

    def gradient(self, step: Step, perturbed: Vector) -> Vector:
        """The gradient for the base optimizer."""
        ...


@dataclass(frozen=True)
class Perturbed:
    """The gradient at w + e, untouched: SAM."""

    needs_first: ClassVar[bool] = False

    def gradient(self, step: Step, perturbed: Vector) -> Vector:
        """g(w + e)."""
        return perturbed


@dataclass(frozen=True)
class Weighted:
    """(1 - alpha) g(w) + alpha g(w + e): G-RST's free strength; alpha = 1 is SAM, 0 is the base.

    From the second version of arXiv 2203.09962. An alpha above 1 goes beyond the perturbed
    gradient, which makes up for steps that are skipped as rho / p does, to first order.
    """

    alpha: float
    needs_first: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", number("mix", self.alpha, 0.0, math.inf))

    @torch.no_grad()
    def gradient(self, step: Step, perturbed: Vector) -> Vector:
        """(1 - alpha) g(w) + alpha g(w + e)."""
        steep = dense(perturbed)
        return add(scale(step.first_or(steep), 1.0 - self.alpha), scale(steep, self.alpha))


@dataclass(frozen=True)
class Store:
    """The gradient at w + e, of which the part orthogonal to the one at w is kept (LookSAM).

    v = u(g_s - <g_s, u(g)> u(g)) over all parameters together, u(x) = x / ||x||.
    """

    name: str = "v"
    needs_first: ClassVar[bool] = True

    @torch.no_grad()
    def gradient(self, step: Step, perturbed: Vector) -> Vector:
        """g(w + e); keeps v on the way."""
        along, steep = unit(step.first), dense(perturbed)
        step.remember(self.name, unit(add(steep, scale(along, -dot(steep, along)))))
        return perturbed
