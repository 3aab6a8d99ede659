"""The loop that runs a naive method on one flat vector, and what it gives it at each step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


class Grad:
    """The gradient at a point, as one vector, on this step's batch or on another."""

    def __init__(self, problem, write: Callable[[Tensor], None], t: int) -> None:  # type: ignore[no-untyped-def]
        self.problem, self.write, self.t = problem, write, t

    def __call__(
        self,
        at: Tensor,
        fraction: float,
        t: int | None = None,
        samples: Tensor | None = None,
        noise: Sequence[tuple[Tensor, Tensor]] = (),
    ) -> Tensor:
        """On the first `fraction` of the batch of step t, or on those samples of it.

        With noise, each of these parameters, trained or not, is further by its part.
        """
        self.write(at)
        before = [(p, p.data) for p, _ in noise]
        for p, part in noise:
            p.data = p.data + part
        t = self.t if t is None else t
        loss = self.problem.loss(t, fraction)
        if samples is not None:
            x, y = self.problem.batch(t)
            loss = cross_entropy(self.problem.model(x[samples]), y[samples])
        parts = torch.autograd.grad(loss, self.problem.params)
        for p, data in before:
            p.data = data
        return torch.cat([part.reshape(-1) for part in parts])

    def functional(self, at: Tensor, w: Tensor) -> Tensor:
        """The Jacobian of the outputs at a point, times the loss's derivative at w."""
        x, y = self.problem.batch(self.t)
        self.write(w)
        outputs = self.problem.model(x)
        (derivative,) = torch.autograd.grad(cross_entropy(outputs, y), outputs)
        self.write(at)
        parts = torch.autograd.grad(self.problem.model(x), self.problem.params, derivative)
        return torch.cat([part.reshape(-1) for part in parts])

    def losses(self, at: Tensor) -> Tensor:
        """The loss of each sample."""
        self.write(at)
        x, y = self.problem.batch(self.t)
        with torch.no_grad():
            return cross_entropy(self.problem.model(x), y, reduction="none")


@dataclass
class Naive:
    """A step function of one method, and what it keeps."""

    kept: dict[str, Tensor] = field(default_factory=dict)
    lr: float = 0.0
    correction: Tensor | None = None
    start: Tensor | None = None
    stretch: Tensor | None = None

    def direction(self, t: int, w: Tensor, grad: Grad, momentum: Tensor | None) -> Tensor:
        """The base optimizer's gradient at step t.

        Its update is made from `start`, if that is set; after it `correction` is added, and
        `stretch` times the way that it made.
        """
        raise NotImplementedError


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
        method.lr = base.param_groups[0]["lr"]
        g = method.direction(t, w, Grad(problem, write, t), _momentum(base, params))
        origin = w if method.start is None else method.start
        write(origin)
        start = 0
        for p in params:
            p.grad = g[start : start + p.numel()].reshape(p.shape).clone()
            start += p.numel()
        base.step()
        if isinstance(method.correction, Tensor):
            write(read() + method.correction)
        if method.stretch is not None:
            write(read() + method.stretch * (read() - origin))
        iterates.append(read())
    return iterates


def _momentum(base: torch.optim.Optimizer, params: list[Tensor]) -> Tensor | None:
    buffers = [base.state[p].get("momentum_buffer", base.state[p].get("exp_avg")) for p in params]
    parts = [buffer.reshape(-1) for buffer in buffers if buffer is not None]
    return torch.cat(parts) if parts else None
