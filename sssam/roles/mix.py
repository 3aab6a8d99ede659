"""Mix: which gradient does the base optimizer get?"""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch

from sssam.core.checks import number
from sssam.core.passes import Perturbation, Step, Update
from sssam.core.vectors import (
    Vector,
    add,
    copied,
    dense,
    dot,
    either,
    known,
    norm,
    scale_,
    unit,
)


class Mix(Protocol):
    """Makes the base optimizer's gradient from the one at w + e and, perhaps, the one at w."""

    @property
    def needs_first(self) -> bool:
        """Whether it uses the gradient at w."""
        ...

    def update(self, step: Step, g: Vector, perturbed: Vector, moved: Perturbation) -> Update:
        """What the base optimizer gets, and what is kept.

        Args:
            step: the step.
            g: the gradient at w, without sparse parts; empty unless `needs_first`.
            perturbed: the gradient at w + e.
            moved: the perturbation, emptied: whether it was void, or still.
        """
        ...


@dataclass(frozen=True)
class Perturbed:
    """The gradient at w + e, untouched: SAM."""

    needs_first: ClassVar[bool] = False

    def update(self, step: Step, g: Vector, perturbed: Vector, moved: Perturbation) -> Update:
        """The gradient g(w + e), untouched."""
        return Update(perturbed)


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
    def update(self, step: Step, g: Vector, perturbed: Vector, moved: Perturbation) -> Update:
        """(1 - alpha) g(w) + alpha g(w + e)."""
        steep = dense(perturbed)
        first = either(moved.void, steep, g)
        if not self.alpha or first is steep:
            return Update(first)
        return Update(add(scale_(steep, self.alpha), first, 1.0 - self.alpha, overwrite=True))


@dataclass(frozen=True)
class Store:
    """The gradient at w + e, of which the part orthogonal to the one at w is kept (LookSAM).

    v = u(g_s - <g_s, u(g)> u(g)) over all parameters together, u(x) = x / ||x||. Where e is 0, g_s
    is g, of which that part is rounding: the v of before stays.
    """

    name: str = "v"
    needs_first: ClassVar[bool] = True

    @torch.no_grad()
    def update(self, step: Step, g: Vector, perturbed: Vector, moved: Perturbation) -> Update:
        """g(w + e); keeps v on the way."""
        along, steep = unit(g, overwrite=True), dense(perturbed)
        v = unit(add(steep, along, -dot(steep, along)))
        v = either(moved.still, step.recall(self.name), v)
        return Update(perturbed, kept={self.name: v})


@dataclass(frozen=True)
class Kept:
    """The gradient at w + e, of which a copy is kept for the next step's direction (S2-SAM)."""

    name: str = "descent"
    needs_first: ClassVar[bool] = False

    def update(self, step: Step, g: Vector, perturbed: Vector, moved: Perturbation) -> Update:
        """g(w + e), and a copy: what goes to the base optimizer may be clipped in place."""
        return Update(perturbed, kept={self.name: copied(dense(perturbed))})


@dataclass(frozen=True)
class Gap:
    """g_s - alpha (g - <g, u(g_s)> u(g_s)): GSAM, which also lowers the surrogate gap.

    g_s at w + e, g at w, u(x) = x / ||x|| over all parameters together: the component of g that
    is orthogonal to g_s is ascended, which leaves the descent of the loss at w + e as it is.

    Args:
        alpha: the weight of that component, at least 0; 0 is SAM.
    """

    alpha: float
    needs_first: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", number("alpha", self.alpha, 0.0, math.inf))

    @torch.no_grad()
    def update(self, step: Step, g: Vector, perturbed: Vector, moved: Perturbation) -> Update:
        """g_s less alpha times the component of g that is orthogonal to it."""
        steep = dense(perturbed)
        first, along = either(moved.void, steep, g), unit(steep)
        across = add(first, along, -dot(first, along), overwrite=first is g)
        return Update(add(steep, across, -self.alpha, overwrite=True))


@dataclass(frozen=True)
class Corrected:
    """g at w for the base optimizer; after its update, w -= lr alpha (g_s - g) (decoupled WSAM).

    Args:
        alpha: the weight of the sharpness, at least 0; 0 is the base optimizer.
    """

    alpha: float
    needs_first: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", number("alpha", self.alpha, 0.0, math.inf))

    @torch.no_grad()
    def update(self, step: Step, g: Vector, perturbed: Vector, moved: Perturbation) -> Update:
        """g, not finite where g_s is not: that is how a GradScaler sees an overflow in g_s."""
        steep = dense(perturbed)
        first = either(moved.void, steep, g)  # void, e is 0 too
        sound = known(1.0 + 0.0 * norm(steep))
        after = scale_(add(steep, first, -1.0), self.alpha)
        return Update(scale_(first, sound), after)
