"""Twins that choose their steps, or remember something from step to step."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tests.naive.loop import Grad, Naive
from tests.naive.perturbations import NaiveSAM


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
