"""Twins that differ in where the perturbation points and how far it goes."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tests.naive.loop import Grad, Naive


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
class NaiveAuto(Naive):
    """SAM with the rise of the loss in place of the radius, bounded by the weights."""

    rise: float = 0.25
    reach: float = 0.1
    fraction: float = 1.0
    layers: int = 2

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, self.fraction)
        to_rise = self.rise / (self.fraction**0.75 * g.norm())
        rho = torch.minimum(to_rise, self.reach * w.norm() / self.layers)
        return grad(w + rho * g / g.norm(), 1.0)


@dataclass
class NaiveASAM(Naive):
    """Kwon et al., algorithm 1, with T = |w| + eta on all parameters."""

    rho: float = 0.5
    eta: float = 0.01

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g, size = grad(w, 1.0), w.abs() + self.eta
        return grad(w + self.rho * size**2 * g / (size * g).norm(), 1.0)


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
class NaiveFlatLoRA(Naive):
    """Li et al. 2025, algorithm 1, with its rising strength; `weights` are (W, the merged W')."""

    rho: float = 0.1
    T: int = 100
    weights: Callable[[], list[tuple[Tensor, Tensor]]] = list
    noise: Callable[[int, int, Tensor], Tensor] = lambda t, i, w: torch.zeros_like(w)

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        strength = self.rho * 0.5 * (1 - math.cos(math.pi * t / self.T))
        moved = []
        for i, (p, merged) in enumerate(self.weights()):
            spread = strength / math.sqrt(merged.shape[1]) * merged.norm(dim=1, keepdim=True)
            moved.append((p, spread * self.noise(t, i, merged)))
        return grad(w, 1.0, noise=moved)


@dataclass
class NaiveSAMON(Naive):
    """Mueller et al.: SAM on the coordinates of normalisation layers."""

    rho: float = 0.1
    mask: Tensor = field(default_factory=lambda: torch.ones(()))

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, 1.0) * self.mask
        return grad(w + self.rho * g / g.norm(), 1.0)


@dataclass
class NaiveClimb(Naive):
    """optax's `sync_period` = n + 1, its `adv_optimizer` sgd(rho / n) of a unit gradient.

    With eta, each of the steps is ASAM's.
    """

    rho: float = 0.1
    n: int = 3
    fraction: float = 1.0
    eta: float | None = None

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        size, at = 1.0 if self.eta is None else w.abs() + self.eta, w
        for _ in range(self.n):
            g = grad(at, self.fraction)
            at = at + self.rho / self.n * size**2 * g / (size * g).norm()
        return grad(at, 1.0)


@dataclass
class NaiveZSharp(Naive):
    """Yun, eqs. 5 to 9; `parts` are the positions of each tensor in w."""

    rho: float = 0.1
    percentile: float = 80.0
    parts: list[slice] = field(default_factory=list)

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        g = grad(w, 1.0)
        z = torch.cat([(g[s] - g[s].mean()) / (g[s].std(correction=0) + 1e-8) for s in self.parts])
        g = g * (z.abs() > z.abs().quantile(self.percentile / 100))
        return grad(w + self.rho * g / g.norm(), 1.0)


@dataclass
class NaiveAlong(Naive):
    """optax's SAM with its state reset, its `adv_optimizer` a unit update of `turn`'s optimizer."""

    rho: float = 0.1
    turn: Callable[[Tensor], Tensor] = torch.sign

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        d = self.turn(grad(w, 1.0))
        return grad(w + self.rho * d / d.norm(), 1.0)
