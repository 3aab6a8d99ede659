"""Weights moved in place to w + e, and back to w bit for bit."""

import torch
from torch import Tensor

from sssam.vectors import Vector


class Weights:
    """The parameters as one point, which can be moved and put back.

    `move(e)` adds e to w in the parameters' own storage, so views, flat buffers and captured
    graphs stay valid; `restore()` copies the saved w back, since subtracting e would leave
    rounding errors. One copy of the moved parameters is held between the two, none otherwise.
    """

    def __init__(self) -> None:
        self._params: list[Tensor] = []
        self._saved: list[Tensor] = []

    @property
    def moved(self) -> bool:
        """Whether the parameters now stand at w + e."""
        return bool(self._saved)

    @torch.no_grad()
    def move(self, params: list[Tensor], e: Vector) -> None:
        """Put the parameters at w + e, where w is where they stood before the first move.

        Args:
            params: all parameters; `e` names those that move by their positions.
            e: the perturbation, each part of its parameter's shape; missing parts stay at w.
        """
        self.restore()
        self._params = [params[i] for i in e]
        # Saved before anything moves, so that an interrupt in between can always be undone.
        self._saved = [p.detach().clone() for p in self._params]
        if self._params:
            torch._foreach_add_(self._params, list(e.values()))
            # Autocast keeps half-precision copies of weights until its context ends.
            torch.clear_autocast_cache()

    @torch.no_grad()
    def restore(self) -> None:
        """Put the parameters back at w, bitwise and in the same storage; nothing to do at w."""
        if self._saved:
            torch._foreach_copy_(self._params, self._saved)
            torch.clear_autocast_cache()
        self._params, self._saved = [], []
