"""In which coordinates a radius is measured: the weights' own, or relative to their size."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sssam.core.checks import number
from sssam.core.vectors import Vector, times, unit
from sssam.roles.noise import check_seed, normal


@dataclass(frozen=True)
class Geometry:
    """Coordinates u around w, with w + e and e = T u: T = 1, or ASAM's T = |w| + eta.

    A ball of radius rho in u is SAM's ball in e, or ASAM's ellipsoid ||T^-1 e|| <= rho. Since T is
    diagonal, the gradient in u is T g, and the Hessian T H T.
    """

    stretch: Vector | None

    @classmethod
    @torch.no_grad()
    def at(cls, params: Sequence[Tensor], adaptive: bool, eta: float) -> "Geometry":
        """The coordinates around the weights as they stand; eta is at least 0."""
        number("eta", eta, 0.0, float("inf"))
        if not adaptive:
            return cls(None)
        return cls({i: p.detach().abs() + eta for i, p in enumerate(params)})

    @torch.no_grad()
    def stretched(self, x: Vector) -> Vector:
        """T x: a step in u as one in the weights, or a gradient by the weights as one by u."""
        return x if self.stretch is None else times(x, self.stretch)


@torch.no_grad()
def on_sphere(seed: int, index: int, params: Sequence[Tensor]) -> Vector:
    """The `index`-th of the directions of a seed: uniform on the unit sphere, by z / ||z||."""
    return unit(dict(enumerate(normal(check_seed(seed), index, list(params)))))
