"""The papers' pseudo-code, written naively on one flat vector; the library must give its iterates.

Each step works on `w`, the parameters as one vector, and on `grad(w)`, and returns the vector that
the base optimizer gets as its gradient. Nothing here shares a line with the library; random draws
are given, so that only the arithmetic is compared.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tests.naive_loop import Grad, Naive


@dataclass
class NaiveSAM(Naive):
    """Foret et al., algorithm 1; with a mix, G-RST's; with a fraction, on a part of the batch."""

    rho: float = 0.05
    mix: float = 1.0
    fraction: float = 1.0

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, self.fraction)
        return (1 - self.mix) * g + self.mix * grad(w + self.rho * g / g.norm(), 1.0)


@dataclass
class NaiveASAM(Naive):
    """Kwon et al., algorithm 1, with T = |w| + eta on all parameters."""

    rho: float = 0.5
    eta: float = 0.01

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g, size = grad(w, 1.0), w.abs() + self.eta
        return grad(w + self.rho * size**2 * g / (size * g).norm(), 1.0)


@dataclass
class NaiveSSSAM(Naive):
    """Zhao et al.: the coins are given, so that only the arithmetic is compared."""

    coins: list[bool] = field(default_factory=list)
    inner: Naive = field(default_factory=NaiveSAM)

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        return self.inner.direction(t, w, grad, momentum) if self.coins[t] else grad(w, 1.0)


@dataclass
class NaiveLookSAM(Naive):
    """Liu et al., algorithm 1."""

    rho: float = 0.05
    k: int = 5
    alpha: float = 0.7

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, 1.0)
        if t % self.k:
            return g + self.alpha * g.norm() * self.kept["v"]
        gs = grad(w + self.rho * g / g.norm(), 1.0)
        v = gs - gs.norm() * (gs @ g / gs.norm() / g.norm()) * g / g.norm()
        self.kept["v"] = v / v.norm()
        return gs


@dataclass
class NaiveMSAM(Naive):
    """Becker et al., algorithm 1: at w - rho v / ||v||, v the momentum before this step."""

    rho: float = 0.3

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        return grad(w if momentum is None else w - self.rho * momentum / momentum.norm(), 1.0)


@dataclass
class NaiveUSAM(Naive):
    """Andriushchenko and Flammarion: without the normalisation."""

    rho: float = 0.1

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        return grad(w + self.rho * grad(w, 1.0), 1.0)


@dataclass
class NaiveESAM(Naive):
    """Du et al., algorithm 1, with masks of whole tensors."""

    rho: float = 0.1
    beta: float = 0.6
    gamma: float = 0.5
    mask: Callable[[int], Tensor] = lambda t: torch.ones(())

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, 1.0) * self.mask(t)
        e = self.rho / self.beta * g / g.norm() if g.norm() > 0 else g
        rise = grad.losses(w + e) - grad.losses(w)
        chosen = rise.argsort(descending=True)[: round(self.gamma * len(rise))]
        return grad(w + e, 1.0, samples=chosen)


@dataclass
class NaiveKSAM(Naive):
    """Ni et al., algorithm 1."""

    rho: float = 0.1
    k: int = 8

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        chosen = grad.losses(w).argsort(descending=True)[: self.k]
        g = grad(w, 1.0, samples=chosen)
        return grad(w + self.rho * g / g.norm(), 1.0, samples=chosen)


@dataclass
class NaiveAESAM(Naive):
    """Jiang et al., algorithm 1; with `look`, LookSAM's step where it is not SAM's."""

    rho: float = 0.1
    T: int = 100
    l1: float = -1.0
    l2: float = 1.0
    look: bool = False
    alpha: float = 0.5
    mu: float = 0.0
    sigma2: float = 0.0
    taken: int = 0

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, 1.0)
        squared = float(g @ g)
        self.mu = 0.9 * self.mu + 0.1 * squared
        self.sigma2 = 0.9 * self.sigma2 + 0.1 * (squared - self.mu) ** 2
        c = t / self.T * self.l1 + (1 - t / self.T) * self.l2
        if squared < self.mu + c * math.sqrt(self.sigma2):
            return g + self.alpha * g.norm() * self.kept["v"] if self.kept else g
        gs = grad(w + self.rho * g / g.norm(), 1.0)
        if self.look:
            v = gs - (gs @ g) / (g @ g) * g
            self.kept["v"] = v / v.norm()
        return gs


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
class NaiveFriendlySAM(Naive):
    """Li et al., algorithm 1."""

    rho: float = 0.1
    sigma: float = 0.8
    lam: float = 0.9

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, 1.0)
        m = self.lam * self.kept.get("m", torch.zeros_like(g)) + (1 - self.lam) * g
        self.kept["m"] = m
        d = g - self.sigma * m
        return grad(w + self.rho * d / d.norm(), 1.0)


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
class NaiveAsyncSAM(Naive):
    """Jo et al., algorithm 1, its two processes one after the other."""

    rho: float = 0.1
    fraction: float = 0.5

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        h = grad(w, self.fraction)
        before = self.kept.get("h", h)
        self.kept["h"] = h
        return grad(w + self.rho * before / before.norm(), 1.0)


@dataclass
class NaiveS2SAM(Naive):
    """Ji et al.: along the gradient that was last descended."""

    rho: float = 0.1

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        last = self.kept.get("last")
        self.kept["last"] = grad(w if last is None else w + self.rho * last / last.norm(), 1.0)
        return self.kept["last"]


@dataclass
class NaiveMicroSAM(Naive):
    """Wei et al.: noise as long as the micro-batch's gradient, times `scale`."""

    rho: float = 0.1
    fraction: float = 0.25
    scale: float = 0.5
    noise: Callable[[int], Tensor] = lambda t: torch.zeros(())

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g, z = grad(w, self.fraction), self.noise(t)
        d = g + self.scale * g.norm() * z / z.norm()
        return grad(w + self.rho * d / d.norm(), 1.0)


@dataclass
class NaiveRandom(Naive):
    """Li et al. 2024: a random direction, here of fixed length."""

    rho: float = 0.1
    noise: Callable[[int], Tensor] = lambda t: torch.zeros(())

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        z = self.noise(t)
        return grad(w + self.rho * z / z.norm(), 1.0)


@dataclass
class NaiveSAMON(Naive):
    """Mueller et al.: SAM on the coordinates of normalisation layers."""

    rho: float = 0.1
    mask: Tensor = field(default_factory=lambda: torch.ones(()))

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, 1.0) * self.mask
        return grad(w + self.rho * g / g.norm(), 1.0)


@dataclass
class NaiveSAMPa(Naive):
    """Xie et al., algorithm 1; the first step has no earlier gradient."""

    rho: float = 0.1
    lam: float = 0.2

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        h = self.kept.get("h")
        if h is None:
            self.kept["h"] = grad(w, 1.0)
            return self.kept["h"]
        perturbed = grad(w + self.rho * h / h.norm(), 1.0, t=t - 1)
        self.kept["h"] = grad(w - self.lr * h, 1.0)
        return (1 - self.lam) * perturbed + self.lam * self.kept["h"]
