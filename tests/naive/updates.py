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


@dataclass
class NaiveIRE(Naive):
    """Wang et al., algorithm 1, with this batch's own squared gradient for the diagonal."""

    kappa: float = 1.5
    flat: float = 0.7
    every: int = 10
    inner: Naive | None = None

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, 1.0) if self.inner is None else self.inner.direction(t, w, grad, momentum)
        if t % self.every == 0:
            least = (g**2).sort().values[int(self.flat * len(g)) - 1]
            self.stretch = self.kappa * (g**2 <= least)
        return g


@dataclass
class NaiveSALA(Naive):
    """Tan et al., as in their code."""

    rho: float = 0.1
    k: int = 2
    alpha: float = 0.5

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        self.start = None
        if t % self.k != self.k - 1:
            return grad(w, 1.0)
        s = self.kept.get("s", w)
        s = self.kept["s"] = self.start = s + self.alpha * (w - s)
        if (w - s).norm() >= self.rho:
            return grad(w, 1.0)
        g = grad(s, 1.0)
        return grad(s + self.rho * g / g.norm(), 1.0)


@dataclass
class NaiveFunctionalSAM(Naive):
    """Singh et al.: the Jacobian at w + e, the loss's derivative at w."""

    rho: float = 0.1

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, 1.0)
        return grad.functional(w + self.rho * g / g.norm(), w)
