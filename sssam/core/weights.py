"""Weights moved in place to w + e, and back to w bit for bit."""

from collections.abc import Callable

import torch
from torch import Tensor

from sssam.core.vectors import Vector, each, local


class Weights:
    """The parameters as one point, which can be moved and put back.

    `move(e)` adds e to w in the parameters' own storage, so views, flat buffers and captured
    graphs stay valid; `restore()` copies the saved w back, since subtracting e would leave
    rounding errors. One copy of the moved parameters is held between the two, none otherwise.

    Args:
        on_move: called after each change, to drop what was derived from the weights before it.
            Default: autocast's half-precision copies, which live until its context ends.
    """

    def __init__(self, on_move: Callable[[], object] = torch.clear_autocast_cache) -> None:
        self._on_move = on_move
        self._params: list[Tensor] = []
        self._saved: list[Tensor] = []
        self._versions: list[int] = []

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
        self._saved = [local(p.detach()).clone() for p in self._params]
        if self._params:
            each(torch._foreach_add_, self._params, list(e.values()))
            self._versions = [p._version for p in self._params]
            self._on_move()

    @torch.no_grad()
    def restore(self) -> None:
        """Put the parameters back at w, bitwise and in the same storage; nothing to do at w."""
        if self._saved:
            torch._foreach_copy_([local(p.detach()) for p in self._params], self._saved)
            self._on_move()
        self.settle()

    def keep_written(self) -> None:
        """Let w be what others have written over w + e, where they have: a loaded checkpoint."""
        pairs = zip(self._params, self._saved, strict=True)
        versions = self._versions or [p._version for p in self._params]
        still = [pair for pair, v in zip(pairs, versions, strict=True) if pair[0]._version == v]
        self._params, self._saved = [p for p, _ in still], [w for _, w in still]

    def settle(self) -> None:
        """Let w be where the parameters stand now."""
        self._params, self._saved, self._versions = [], [], []
