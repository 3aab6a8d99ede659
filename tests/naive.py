"""The papers' pseudo-code, written naively on one flat vector; the library must give its iterates.

Each step works on `w`, the parameters as one vector, and on `grad(w)`, and returns the vector that
the base optimizer gets as its gradient. Nothing here shares a line with the library.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

Grad = Callable[[Tensor, float], Tensor]


@dataclass
class Naive:
    """A step function of one method, and what it keeps."""

    kept: dict[str, Tensor] = field(default_factory=dict)

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        """The base optimizer's gradient at step t."""
        raise NotImplementedError


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


def train(problem, base: torch.optim.Optimizer, method: Naive, steps: int) -> list[Tensor]:  # type: ignore[no-untyped-def]
    """Train with the naive method; the iterate after each step, as one vector."""
    params, iterates = problem.params, []

    def write(vector: Tensor) -> None:
        start = 0
        for p in params:
            p.data = vector[start : start + p.numel()].reshape(p.shape).clone()
            start += p.numel()

    def read() -> Tensor:
        return torch.cat([p.detach().reshape(-1) for p in params])

    for t in range(steps):
        w = read()

        def grad(at: Tensor, fraction: float, t: int = t) -> Tensor:
            write(at)
            parts = torch.autograd.grad(problem.loss(t, fraction), params)
            return torch.cat([part.reshape(-1) for part in parts])

        g = method.direction(t, w, grad, _momentum(base, params))
        write(w)
        start = 0
        for p in params:
            p.grad = g[start : start + p.numel()].reshape(p.shape).clone()
            start += p.numel()
        base.step()
        iterates.append(read())
    return iterates


def _momentum(base: torch.optim.Optimizer, params: list[Tensor]) -> Tensor | None:
    buffers = [base.state[p].get("momentum_buffer", base.state[p].get("exp_avg")) for p in params]
    parts = [buffer.reshape(-1) for buffer in buffers if buffer is not None]
    return torch.cat(parts) if parts else None
