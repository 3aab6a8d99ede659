"""Whether a base optimizer's learning rate is the length of its steps, seen at its first update."""

import math
import warnings
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from sssam.core.groups import step_length
from sssam.core.vectors import local

#: A base's step this many times shorter than lr says is a step by another rule (LARS, Adadelta,
#: AdamG). RMSprop's and Muon's, by their conventions, are within ten times.
LIMIT = 20.0


class Stride:
    """Warns once, at the first update that tells, if lr is no step length there.

    By lr, an update goes about lr |g| (SGD), or about lr in some coordinate (Adam, sign descent).
    Methods that make a step of their own along a gradient take lr for its length.

    Costs a copy of the weights during that one update, and one wait for the device.
    """

    def __init__(self, base: Optimizer) -> None:
        self._before: list[tuple[dict[str, Any], float, list[tuple[Tensor, Tensor]]]] = []
        self._was_compared = False
        if not hasattr(base, "_optimizer_step_pre_hooks"):
            return  # not built as torch's are: it has no hooks to look from
        # They stay, for torch walks over its hooks while it calls them.
        base.register_step_pre_hook(self._look)
        base.register_step_post_hook(self._compare)

    def _look(self, base: Optimizer, *_: Any) -> None:
        if self._was_compared:
            return
        self._before = [
            (group, float(step_length(group)), [(p, p.detach().clone()) for p in _moving(group)])
            for group in base.param_groups
        ]

    def _compare(self, base: Optimizer, *_: Any) -> None:
        before, self._before = self._before, []
        ratios = [(_ratio(length, moved), group) for group, length, moved in before if length]
        known = [(ratio, group) for ratio, group in ratios if ratio]
        if not known:  # a rate of 0 in a warm-up, no gradient yet, a base that only prepares itself
            return
        self._was_compared = True
        ratio, group = min(known, key=lambda each: each[0])
        if ratio * LIMIT < 1:
            warnings.warn(_text(type(base).__name__, float(group["lr"]), ratio), stacklevel=2)


def _text(name: str, lr: float, ratio: float) -> str:
    return (
        f"sssam: the first update of base={name} went {ratio:.2g} times as far as its lr={lr:g} "
        "says, so that lr is no step length there. This method makes a step of its own along a "
        f"gradient, lr times its length, about {1 / ratio:.2g} times too long. Use SAM, or "
        "WSAM(decoupled=False), which leave all steps to the base; or another base"
    )


def _moving(group: dict[str, Any]) -> list[Tensor]:
    return [
        p
        for p in group["params"]
        if p.grad is not None and p.grad.layout is torch.strided and p.device.type != "meta"
    ]


def _ratio(length: float, moved: list[tuple[Tensor, Tensor]]) -> float | None:
    """How far the weights went, as a part of what lr says; None where no gradient asked for it."""
    pairs = [(local(p.detach()) - local(w), local(p.grad)) for p, w in moved if p.grad is not None]
    gradient = _norm([g for _, g in pairs])
    if not pairs or not 0 < gradient < float("inf"):
        return None
    furthest = max(float(step.abs().max()) for step, _ in pairs if step.numel())
    return max(_norm([step for step, _ in pairs]) / (length * gradient), furthest / length)


def _norm(x: list[Tensor]) -> float:
    return math.hypot(*(float(torch.linalg.vector_norm(part).double()) for part in x))
