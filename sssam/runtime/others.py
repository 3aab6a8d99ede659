"""Gradients of a model's parameters that belong to another optimizer."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Others:
    """The gradients beside this optimizer's own, as they stand before a pass that leaves no trace.

    The pass adds to them, and the other optimizer (AdamW beside Muon, say) would step on the sum
    of two passes.

    Args:
        modules: of the model.
        own: this optimizer's parameters.
    """

    def __init__(self, modules: Iterable[tuple[str, nn.Module]], own: Iterable[Tensor]) -> None:
        known = set(map(id, own))
        self._kept: list[tuple[Tensor, Tensor | None, Tensor | None]] = []
        for _, module in modules:
            for p in module._parameters.values():
                if p is not None and p.requires_grad and id(p) not in known:
                    known.add(id(p))
                    self._kept.append((p, p.grad, None if p.grad is None else p.grad.clone()))

    @torch.no_grad()
    def put_back(self) -> None:
        """Let each have the gradient that it had, in the same memory."""
        for p, gradient, value in self._kept:
            if gradient is not None and value is not None:
                if gradient.layout is torch.strided:
                    gradient.copy_(value)
                else:
                    gradient = value
            p.grad = gradient
