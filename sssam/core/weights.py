"""Weights moved in place to w + e, and back to w bit for bit."""

from collections.abc import Callable
from functools import partial
from itertools import compress
from typing import NamedTuple

import torch
from torch import Tensor

from sssam.core.vectors import Vector, each, local, on_host


class Weights:
    """The parameters as one point, which can be moved and put back.

    `move(e)` adds e to w in the parameters' own storage, so views, flat buffers and captured
    graphs stay valid; `restore()` copies the saved w back, since subtracting e would leave
    rounding errors. In the host's memory, where fresh pages take longer than the copy itself, the
    copy's memory is kept for the next move, until `release()`; elsewhere it is let go each time.

    Args:
        on_move: called after each change, to drop what was derived from the weights before it.
            Default: autocast's half-precision copies, which live until its context ends.
    """

    def __init__(self, on_move: Callable[[], object] = torch.clear_autocast_cache) -> None:
        self._on_move = on_move
        self._backup = Backup()
        self._params: list[Tensor] = []
        self._saved: list[Saved] = []
        self._versions: list[int] = []

    def __reduce__(self) -> tuple[type["Weights"], tuple[Callable[[], object]]]:
        return type(self), (self._on_move,)  # at w there is nothing else

    @property
    def moved(self) -> bool:
        """Whether the parameters now stand at w + e."""
        return bool(self._saved)

    @torch.no_grad()
    def move(self, params: list[Tensor], e: Vector, factor: float = 1.0) -> None:
        """Put the parameters at w + factor * e; w is where they stood before the first move.

        Args:
            params: all parameters; `e` names those that move by their positions.
            e: each part of its parameter's shape; missing parts stay at w.
            factor: of all parts.
        """
        self.restore()
        if e:
            # Saved before anything moves, so that an interrupt in between can always be undone.
            which, self._saved = self._backup.save(params, e)
            self._params = [params[i] for i in which]
            self._add({i: e[i] for i in which}, factor)
            self._versions = [p._version for p in self._params]
            self._on_move()

    def _add(self, e: Vector, factor: float) -> None:
        parts = list(zip(self._params, e.values(), self._saved, strict=True))
        whole = [(p, part) for p, part, saved in parts if saved.rows is None]
        if whole:
            op = partial(torch._foreach_add_, alpha=factor)
            each(op, [p for p, _ in whole], [part for _, part in whole])
        for _, part, (here, _, rows) in parts[len(whole) :]:
            if rows is not None:
                here.index_add_(0, rows, part.index_select(0, rows), alpha=factor)

    @torch.no_grad()
    def shift(self, params: list[Tensor], e: Vector, factor: float = 1.0) -> None:
        """Add factor * e to w for good."""
        self.restore()
        if e:
            moved = [params[i] for i in e]
            each(partial(torch._foreach_add_, alpha=factor), moved, [*e.values()])
            self._on_move()

    @torch.no_grad()
    def restore(self) -> None:
        """Put the parameters back at w, bitwise and in the same storage; nothing to do at w."""
        if self._saved:
            whole = [(here, copy) for here, copy, rows in self._saved if rows is None]
            if whole:
                torch._foreach_copy_([here for here, _ in whole], [copy for _, copy in whole])
            for here, copy, rows in self._saved[len(whole) :]:
                if rows is not None:
                    here.index_copy_(0, rows, copy)
            self._on_move()
        self.settle()

    def keep_written(self) -> None:
        """Let w be what others have written over w + e, where they have: a loaded checkpoint."""
        versions = self._versions or [p._version for p in self._params]
        still = [p._version == v for p, v in zip(self._params, versions, strict=True)]
        self._params = [*compress(self._params, still)]
        self._saved = [*compress(self._saved, still)]

    def settle(self) -> None:
        """Let w be where the parameters stand now."""
        self._params, self._saved, self._versions = [], [], []

    def release(self) -> None:
        """Let the memory of the copy go; the next move takes new memory."""
        self.restore()
        self._backup = Backup()


class Saved(NamedTuple):
    """A parameter's memory, and what stood in it: in all of it, or in these rows."""

    here: Tensor
    copy: Tensor
    rows: Tensor | None = None


class Backup:
    """Copies of parameters, whose memory is kept where they lie in the host's."""

    def __init__(self) -> None:
        self._params: list[Tensor] = []
        self._addresses: list[int] = []
        self._here: list[Tensor] = []
        self._copies: dict[int, Tensor] = {}

    def save(self, params: list[Tensor], e: Vector) -> tuple[list[int], list[Saved]]:
        """Copies of what e moves, by position: whole parameters first, then those of which rows.

        Args:
            params: all of them; the same object as long as they are the same.
            e: the perturbation.
        """
        self._know(params)
        is_kept = bool(self._addresses)
        copies = self._copies if is_kept else {}
        large = [i for i, part in e.items() if part.numel() >= _LARGE] if is_kept else []
        found = {i: moving_rows(e[i]) for i in large}
        rows = {i: some for i, some in found.items() if some is not None}
        whole = [i for i in e if i not in rows]
        for i in whole:
            if i not in copies:
                copies[i] = _memory_for(self._here[i])
        saved = [Saved(self._here[i], copies[i]) for i in whole]
        if saved:
            torch._foreach_copy_([each.copy for each in saved], [each.here for each in saved])
        for i, some in rows.items():
            saved.append(Saved(self._here[i], self._here[i].index_select(0, some), some))
        return [*whole, *rows], saved

    def _know(self, params: list[Tensor]) -> None:
        # As long as the aliases have memory, no other can come to lie at their addresses.
        if params is self._params and all(
            [*map(Tensor.data_ptr, lists)] == self._addresses for lists in (params, self._here)
        ):
            return
        self._params, self._copies = params, {}
        self._here = [local(p.detach()) for p in params]
        self._addresses = [*map(Tensor.data_ptr, params)] if on_host(params) else []


def _memory_for(original: Tensor) -> Tensor:
    """Memory for a copy; of a large one it begins elsewhere in its page than the original.

    Where both begin alike, processors take loads from the one for loads of what was just stored in
    the other, and wait: a copy of 5 million weights then takes a fifth longer.
    """
    if original.numel() < _LARGE or not original.is_contiguous():
        return torch.empty_like(original)
    flat = torch.empty(original.numel() + 256, dtype=original.dtype, device=original.device)
    return flat[256:].view(original.shape)


#: From so many numbers on, it pays to look for rows that stay.
_LARGE = 2**18


def moving_rows(part: Tensor) -> Tensor | None:
    """The rows of a perturbation that are not 0, if they are at most a quarter; else None.

    A pass reads few rows of a large embedding, and its gradient is zero in all the others: only
    those few are kept and moved. A sample of the rows tells the usual tensor at no cost.
    """
    if part.ndim != 2 or part.is_complex():
        return None
    some = part[:: max(len(part) // 64, 1)]
    if 2 * int(some.any(1).sum()) > len(some):
        return None
    rows = ((part.amax(1) != 0) | (part.amin(1) != 0)).nonzero().squeeze(1)
    return rows if 4 * len(rows) <= len(part) else None
