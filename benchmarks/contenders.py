"""Training steps that are timed side by side: the base, ours, and those of other libraries.

Each is built around a model with a batch, and gives a function that makes one step. Other libraries
are imported from a path of their own, so that what they ask for can't change what is measured.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

import sssam
from benchmarks.problems import loss
from sssam.schedules import constant

Step = Callable[[], object]
#: From a model, inputs and their classes.
Build = Callable[[nn.Module, Tensor, Tensor], Step]
RHO = 0.05


#: Base optimizers: the name of torch's class, and their settings.
BASES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4}),
    "AdamW": ("AdamW", {"lr": 1e-4, "weight_decay": 0.01}),
    "fused AdamW": ("AdamW", {"lr": 1e-4, "weight_decay": 0.01, "fused": True}),
}


def built(model: nn.Module, base: str = "SGD") -> Optimizer:
    """The base optimizer over a model's parameters."""
    name, settings = BASES[base]
    optimizer: Optimizer = getattr(torch.optim, name)(model.parameters(), **settings)
    return optimizer


def _closure(optimizer: Any, model: nn.Module, x: Tensor, y: Tensor) -> Callable[[], Tensor]:
    def closure() -> Tensor:
        optimizer.zero_grad()
        return loss(model, x, y)

    return closure


def by_closure(wrap: Callable[[Optimizer, nn.Module], Any], base: str = "SGD") -> Build:
    """Steps of an optimizer that is made of a base and its model."""

    def build(model: nn.Module, x: Tensor, y: Tensor) -> Step:
        optimizer = wrap(built(model, base), model)
        closure = _closure(optimizer, model, x, y)
        return lambda: optimizer.step(closure)

    return build


def two_passes(model: nn.Module, x: Tensor, y: Tensor, *, base: str = "SGD") -> Step:
    """Two passes and the base's update, without a perturbation: what SAM can't go below."""
    optimizer = built(model, base)
    closure = _closure(optimizer, model, x, y)

    def step() -> None:
        closure()
        closure()
        optimizer.step()

    return step


def by_hand(model: nn.Module, x: Tensor, y: Tensor, *, base: str = "SGD") -> Step:
    """SAM as most loops have it (davda54/sam): the perturbation kept, and subtracted again."""
    optimizer = built(model, base)
    closure = _closure(optimizer, model, x, y)

    @torch.no_grad()
    def ascend() -> list[tuple[Tensor, Tensor]]:
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        length = torch.stack([g.norm(p=2) for g in grads]).norm(p=2)
        moved = []
        for p in model.parameters():
            if p.grad is not None:
                e = p.grad * (RHO / (length + 1e-12))
                p.add_(e)
                moved.append((p, e))
        return moved

    def step() -> None:
        closure()
        moved = ascend()
        closure()
        with torch.no_grad():
            for p, e in moved:
                p.sub_(e)
        optimizer.step()

    return step


class ByHand:
    """SAM with w back to the bit and nothing else: what torch's operators and a short loop take.

    No buffers, generators or shared gradients are looked at, and w + e stays where a pass fails.
    """

    def __init__(self, base: Optimizer) -> None:
        self.base = base
        self.params = [p for group in base.param_groups for p in group["params"]]
        self.kept = [torch.empty_like(p) for p in self.params]

    def zero_grad(self) -> None:
        """Clear the gradients."""
        self.base.zero_grad()

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Two passes and the base's update."""
        loss = closure()
        with torch.no_grad():
            gradients = [p.grad for p in self.params]
            length = torch.linalg.vector_norm(torch.stack([*torch._foreach_norm(gradients)]))
            torch._foreach_copy_(self.kept, self.params)
            torch._foreach_add_(self.params, gradients, alpha=RHO / length.item())
        closure()
        with torch.no_grad():
            torch._foreach_copy_(self.params, self.kept)
        self.base.step()
        return loss


def part_ascent(model: nn.Module, x: Tensor, y: Tensor, *, base: str = "SGD") -> Step:
    """SAM at every other step, its ascent on an eighth of the batch: as a late half in the mean."""
    optimizer = sssam.SSSAM(
        built(model, base),
        schedule=constant(0.5),
        total_steps=10**6,
        draws="systematic",
        rho=RHO,
        ascent_fraction=1 / 8,
        model=model,
    )
    k = max(len(x) // 8, 1)
    whole, part = (_closure(optimizer, model, x[:n], y[:n]) for n in (len(x), k))
    return lambda: optimizer.step(whole, ascent_closure=part)


def _never(base: Optimizer, model: nn.Module) -> Optimizer:
    return sssam.SSSAM(base, schedule=constant(0), total_steps=10**6, model=model)


def own(base: str = "SGD") -> dict[str, Build]:
    """All but other libraries', over that base."""
    return {
        "base": by_closure(lambda base, model: base, base),
        "base again": by_closure(lambda base, model: base, base),
        "two passes": partial(two_passes, base=base),
        "SSSAM, p = 0": by_closure(_never, base),
        "SAM": by_closure(lambda base, model: sssam.SAM(base, rho=RHO, model=model), base),
        "MSAM": by_closure(lambda base, model: sssam.MSAM(base, rho=RHO, model=model), base),
        "SAM at half the steps, ascent on 1/8": partial(part_ascent, base=base),
        "SAM by hand": partial(by_hand, base=base),
        "SAM by hand, bitwise": by_closure(lambda base, model: ByHand(base), base),
    }


def peers(path: Path | None, base: str = "SGD") -> dict[str, Build]:
    """The other libraries' SAM that are installed in a folder; none without one.

    `pip install --no-deps --target PATH temperon==0.1.1 pytorch_optimizer==4.1.0` makes it.
    """
    if path is None:
        return {}
    sys.path.append(str(path))
    from pytorch_optimizer.optimizer.sam import SAM
    from temperon import Temperon

    def temperon(model: nn.Module, x: Tensor, y: Tensor) -> Step:
        optimizer = Temperon(built(model, base), 10**6, tail_frac=1.0, rho=RHO)
        return lambda: optimizer.step(_closure(optimizer, model, x, y))

    def pytorch_optimizer(model: nn.Module, x: Tensor, y: Tensor) -> Step:
        name, settings = BASES[base]
        optimizer = SAM(model.parameters(), getattr(torch.optim, name), rho=RHO, **settings)
        closure = _closure(optimizer, model, x, y)

        def step() -> None:
            closure()
            optimizer.step(closure)

        return step

    return {"temperon 0.1.1": temperon, "pytorch_optimizer 4.1": pytorch_optimizer}
