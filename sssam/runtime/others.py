"""Gradients of a model's parameters that belong to another optimizer."""

import torch
from torch import Tensor

from sssam.runtime.layout import Layout, same


class Others:
    """The gradients beside this optimizer's own, as they stand before a pass that leaves no trace.

    The pass adds to them, and the other optimizer (AdamW beside Muon, say) would step on the sum
    of two passes.

    Args:
        layout: of the model.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._own: list[Tensor] | None = None
        self._parameters: list[Tensor | None] = []
        self._foreign: list[Tensor] = []
        self._kept: list[tuple[Tensor, Tensor | None, Tensor | None]] = []

    def note(self, own: list[Tensor]) -> None:
        """Note how they stand.

        Args:
            own: this optimizer's parameters; the same object as long as they are.
        """
        parameters = self._layout.parameters
        if own is not self._own or not same(parameters, self._parameters):
            known = set(map(id, own))
            foreign = {id(p): p for p in parameters if p is not None and id(p) not in known}
            self._foreign = list(foreign.values())
            self._parameters, self._own = parameters, own
        self._kept = [
            (p, p.grad, None if p.grad is None else p.grad.clone())
            for p in self._foreign
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
