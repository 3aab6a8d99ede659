"""The interfaces of other libraries that docs/migrating.md shows, in a few lines each.

They stand in for packages that are not installed, under their names. `Halves` has the interface of
davda54/sam and of pytorch_optimizer, `Trainer` and `Algorithm` have Composer's.
"""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer


class Halves(Optimizer):
    """A SAM that builds its base, and whose step is two calls."""

    def __init__(self, params: Any, base: type[Optimizer], rho: float, **settings: Any) -> None:
        super().__init__(params, {"rho": rho, **settings})
        self.base = base(self.param_groups, **settings)
        self.stored: list[tuple[Tensor, Tensor]] = []

    @torch.no_grad()
    def first_step(self, zero_grad: bool = False) -> None:
        params = [p for group in self.param_groups for p in group["params"]]
        length = torch.cat([p.grad.flatten() for p in params]).norm()
        self.stored = [(p, p.clone()) for p in params]
        for p in params:
            p += self.param_groups[0]["rho"] * p.grad / length
        if zero_grad:
            self.zero_grad()

    @torch.no_grad()
    def second_step(self, zero_grad: bool = False) -> None:
        for p, w in self.stored:
            p.copy_(w)
        self.base.step()
        if zero_grad:
            self.zero_grad()

    def step(self, closure: Callable[[], Any]) -> None:  # type: ignore[override]
        self.first_step(zero_grad=True)
        closure()
        self.second_step()


class Algorithm:
    """A SAM step at each k-th step, the last of each k."""

    def __init__(self, rho: float, interval: int) -> None:
        self.rho, self.interval = rho, interval
        self.ascents = 0


class Trainer:
    """Trains a module whose criterion is the cross-entropy."""

    def __init__(
        self,
        model: nn.Module,
        train_dataloader: Iterable[Any],
        optimizers: Optimizer,
        max_duration: int,
        algorithms: list[Algorithm],
    ) -> None:
        self.model, self.loader, self.base = model, train_dataloader, optimizers
        self.epochs, [self.algorithm] = max_duration, algorithms

    def fit(self) -> None:
        groups = self.base.param_groups
        sharp = Halves(groups, lambda *_, **__: self.base, self.algorithm.rho)  # type: ignore[arg-type]
        batches = [batch for _ in range(self.epochs) for batch in self.loader]
        for t, (x, y) in enumerate(batches, 1):
            cross_entropy(self.model(x), y).backward()
            if t % self.algorithm.interval == 0:
                sharp.first_step(zero_grad=True)
                cross_entropy(self.model(x), y).backward()
                sharp.second_step()
                self.algorithm.ascents += 1
            else:
                self.base.step()
            self.base.zero_grad()


def modules() -> dict[str, ModuleType]:
    """By the names under which the page imports them."""
    named = {
        "sam": {"SAM": Halves},
        "pytorch_optimizer": {"SAM": Halves},
        "composer": {"Trainer": Trainer},
        "composer.algorithms": {"SAM": Algorithm},
    }
    made = {}
    for name, contents in named.items():
        made[name] = ModuleType(name)
        vars(made[name]).update(contents)
    return made
