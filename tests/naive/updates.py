"""Twins that differ in what the base optimizer gets, and in what becomes of its update."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from tests.naive.loop import Grad, Naive


@dataclass
class NaiveGSAM(Naive):
    """Zhuang et al., algorithm 1, with the radius of each step given."""

    alpha: float = 0.2
    rho: Callable[[int], float] = lambda t: 0.1

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, 1.0)
        gs = grad(w + self.rho(t) * g / g.norm(), 1.0)
        parallel = (g @ gs) / gs.norm() * gs / gs.norm()
        return gs - self.alpha * (g - parallel)


@dataclass
class NaiveWSAM(Naive):
    """Yue et al., algorithms 1 (any base, coupled) and 2 (decoupled)."""

    rho: float = 0.1
    gamma: float = 0.7
    decoupled: bool = True

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, 1.0)
        gs = grad(w + self.rho * g / g.norm(), 1.0)
        weight = self.gamma / (1 - self.gamma)
        if not self.decoupled:
            return g + weight * (gs - g)
        self.correction = -self.lr * weight * (gs - g)
        return g
