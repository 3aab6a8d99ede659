"""Gradients of a model's parameters that belong to another optimizer."""

import torch
from torch import Tensor


class Others:
    """The gradients beside this optimizer's own, as they stand before a pass that leaves no trace.

    The pass adds to them, and the other optimizer (AdamW beside Muon, say) would step on the sum
    of two passes.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[Tensor, Tensor | None, Tensor | None]] = []

    def note(self, foreign: list[Tensor]) -> None:
        """Note how those of these parameters stand."""
        self._kept = [
            (p, p.grad, None if p.grad is None else p.grad.clone())
            for p in foreign
            if p.requires_grad
        ]

    def put_back(self) -> None:
        """Let each have the gradient that it had, in the same memory."""
        kept, self._kept = self._kept, []
        if kept:
            with torch.no_grad():
                self._put_back(kept)

    @staticmethod
    def _put_back(kept: list[tuple[Tensor, Tensor | None, Tensor | None]]) -> None:
        for p, gradient, value in kept:
            if gradient is not None and value is not None:
                if gradient.layout is torch.strided:
                    gradient.copy_(value)
                else:
                    gradient = value
            p.grad = gradient
