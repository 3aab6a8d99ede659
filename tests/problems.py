"""Small problems that the tests train on, and the base optimizers they train with."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import sssam
from sssam.runtime.batch_pass import BatchPass

SAMPLES, INPUTS, CLASSES = 32, 6, 3


class Problem:
    """A seeded model and a fixed sequence of batches."""

    def __init__(
        self,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
        dropout: float = 0.0,
        norm: bool | str = False,
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._x = torch.randn(8, SAMPLES, INPUTS, generator=generator, dtype=torch.float64).to(
            dtype
        )
        self._y = torch.randint(CLASSES, (8, SAMPLES), generator=generator)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            # A bias before batch norm has no gradient but rounding, which Adam would blow up.
            norms = {False: nn.Identity(), True: nn.BatchNorm1d(8), "layer": nn.LayerNorm(8)}
            layers: list[nn.Module] = [nn.Linear(INPUTS, 8), norms[norm]]
            layers += [nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, CLASSES)]
            self.model = nn.Sequential(*layers).to(dtype)

    def batch(self, t: int) -> tuple[Tensor, Tensor]:
        """The batch of step t."""
        return self._x[t % 8], self._y[t % 8]

    def loss(self, t: int, part: float = 1.0) -> Tensor:
        """The loss on the first `part` of the batch of step t."""
        x, y = self.batch(t)
        k = round(part * len(x))
        return cross_entropy(self.model(x[:k]), y[:k])

    @property
    def params(self) -> list[Tensor]:
        """The model's parameters."""
        return list(self.model.parameters())


class Matrices(Problem):
    """A problem whose parameters are all matrices, for Muon."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        for module in self.model:
            if isinstance(module, nn.Linear):
                module.register_parameter("bias", None)


class _Scores(nn.Module):
    """Of a linear layer, and of a norm's outputs beside it: linear in all parameters."""

    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(INPUTS, CLASSES)
        self.norm = nn.LayerNorm(INPUTS) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.linear(x)
        return scores if self.norm is None else scores + self.norm(x).unflatten(1, (3, 2)).sum(2)


class Convex(Problem):
    """Logistic regression: a loss that is convex in the parameters."""

    def __init__(self, seed: int = 0, norm: bool | str = False) -> None:
        super().__init__(seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.model = nn.Sequential(_Scores(bool(norm))).to(torch.float64)


Base = Callable[[list[Tensor]], torch.optim.Optimizer]

BASES: dict[str, Base] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=5e-4),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.05),
    "muon": lambda p: torch.optim.Muon(p, lr=0.02),
}


def build(
    base: str, seed: int = 0, norm: bool | str = False, convex: bool = False
) -> tuple[Problem, torch.optim.Optimizer]:
    """A problem that suits the base optimizer, and that optimizer over it."""
    if convex:
        problem: Problem = Convex(seed, norm)
    else:
        problem = Matrices(seed) if base == "muon" else Problem(seed, norm=norm)
    return problem, BASES[base](problem.params)


def closure(problem: Problem, optimizer: torch.optim.Optimizer, t: int) -> Callable[[], Tensor]:
    """The usual closure; it takes the part of the batch that a part-batch ascent asks for."""

    def run() -> Tensor:
        optimizer.zero_grad()
        ascent = getattr(optimizer, "phase", "plain") == "ascent"
        loss = problem.loss(t, optimizer.method.facts.ascent_fraction if ascent else 1.0)
        loss.backward()
        return loss

    return run


def by_closure(
    problem: Problem, optimizer: torch.optim.Optimizer, steps: int, first: int = 0
) -> list[float]:
    """Train, and return the losses that the steps returned."""
    return [
        optimizer.step(closure(problem, optimizer, t)).item() for t in range(first, first + steps)
    ]


def by_two_lines(
    problem: Problem, optimizer: torch.optim.Optimizer, steps: int, first: int = 0
) -> None:
    """Train by the two-line form."""
    for t in range(first, first + steps):
        problem.loss(t).backward()
        if optimizer.ascend():
            problem.loss(t).backward()
        optimizer.step()
        optimizer.zero_grad()


def by_passes(
    problem: Problem, optimizer: torch.optim.Optimizer, steps: int, first: int = 0
) -> None:
    """Train pass by pass."""
    for t in range(first, first + steps):
        for p in optimizer.passes(problem.batch(t)):
            p.backward(pass_loss(problem, optimizer, p))
        optimizer.step()


def pass_loss(problem: Problem, optimizer: torch.optim.Optimizer, p: BatchPass) -> Tensor:
    """The loss of a pass: one a sample for methods that may choose by them, else the mean."""
    reduction = "none" if optimizer.method.facts.needs_batch else "mean"
    with torch.set_grad_enabled(p.grad):
        return cross_entropy(problem.model(p.x), p.y, reduction=reduction)


def by_best(problem: Problem, optimizer: torch.optim.Optimizer, steps: int, first: int = 0) -> None:
    """Train by a closure, or pass by pass where the method needs the batch."""
    needs_batch = isinstance(optimizer, sssam.SharpnessAware) and optimizer.method.facts.needs_batch
    (by_passes if needs_batch else by_closure)(problem, optimizer, steps, first)


def flat(tensors: list[Tensor]) -> Tensor:
    """All tensors as one vector, detached and copied."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    """Whether two lists of tensors are equal bit for bit, NaN included."""
    return len(one) == len(other) and all(
        a.shape == b.shape
        and torch.equal(
            a.detach().view(-1).view(torch.uint8), b.detach().view(-1).view(torch.uint8)
        )
        for a, b in zip(one, other, strict=True)
    )
