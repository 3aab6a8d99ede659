"""Weights moved in place to w + e, and back to w bit for bit."""

from collections.abc import Callable
from functools import partial
from itertools import compress
from operator import attrgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sssam.core.copies import LARGE, Copies
from sssam.core.vectors import ORDINARY, Vector, each, local, on_host, within_half


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
        self._saved: Saved | None = None

    def __reduce__(self) -> tuple[type["Weights"], tuple[Callable[[], object]]]:
        return type(self), (self._on_move,)  # at w there is nothing else

    @property
    def moved(self) -> bool:
        """Whether the parameters now stand at w + e."""
        return self._saved is not None

    def move(self, params: list[Tensor], e: Vector, factor: float = 1.0) -> None:
        """Put the parameters at w + factor * e; w is where they stood before the first move.

        Args:
            params: all parameters; `e` names those that move by their positions.
            e: each part of its parameter's shape; missing parts stay at w.
            factor: of all parts.
        """
        self.restore()
        if not e:
            return
        with torch.no_grad():
            # Saved before anything moves, so that an interrupt in between can always be undone.
            saved = self._saved = self._backup.save(params, e)
            saved.add(e, factor)
        self._on_move()

    def shift(self, params: list[Tensor], e: Vector, factor: float = 1.0) -> None:
        """Add factor * e to w for good."""
        self.restore()
        if e:
            with torch.no_grad():
                _add([params[i] for i in e], [*e.values()], factor)
            self._on_move()

    def restore(self) -> None:
        """Put the parameters back at w, bitwise and in the same storage; nothing to do at w."""
        if self._saved is not None:
            self._saved.put_back()
            self._on_move()
            self._saved = None

    def keep_written(self) -> None:
        """Let w be what others have written over w + e, where they have: a loaded checkpoint.

        Written in place, as `load_state_dict` does. Other memory, as by `p.data =`, takes w.
        """
        if self._saved is not None:
            self._saved = self._saved.unwritten()

    def settle(self) -> None:
        """Let w be where the parameters stand now."""
        self._saved = None

    def release(self) -> None:
        """Let the memory of the copy go; the next move takes new memory."""
        self.restore()
        self._backup = Backup()


def _add(tensors: list[Tensor], parts: list[Tensor], factor: float) -> None:
    parts, factor = within_half(parts, factor)
    each(partial(torch._foreach_add_, alpha=factor), tensors, parts)


class Rows(NamedTuple):
    """A parameter's memory, and what stood in these rows of it."""

    here: Tensor
    copy: Tensor
    rows: Tensor


class Saved:
    """What stood in the memory of parameters that move.

    Args:
        whole: the positions of those that are kept as a whole.
        here, copies: their memory, and what stood in it.
        rows: by position, those of which some rows are kept.
        moved: the parameters, or aliases of them, in the order of both.
        owners: the parameters themselves, in the same order.
    """

    def __init__(
        self,
        whole: list[int],
        here: list[Tensor],
        copies: list[Tensor],
        rows: dict[int, Rows],
        moved: list[Tensor],
        owners: list[Tensor],
    ) -> None:
        self._whole, self._here, self.copies, self.rows = whole, here, copies, rows
        self._moved, self._versions = moved, list[int]()
        self._owners, self._addresses = owners, _addresses(owners)

    def add(self, e: Vector, factor: float) -> None:
        """Move the parameters by factor * e."""
        if self._whole:
            _add(self._moved[: len(self._whole)], [*map(e.__getitem__, self._whole)], factor)
        for i, (here, _, rows) in self.rows.items():
            [part], alpha = within_half([e[i].index_select(0, rows)], factor)
            here.index_add_(0, rows, part, alpha=alpha)
        self._versions = [*map(_VERSION, self._moved)]

    def put_back(self) -> None:
        """Write it there again, by names of the memory that need no gradients."""
        if self._here:
            torch._foreach_copy_(self._here, self.copies)
        for here, copy, rows in self.rows.values():
            here.index_copy_(0, rows, copy)
        if _addresses(self._owners) != self._addresses:
            self._follow()

    def _follow(self) -> None:
        """Write it too where those lie now that a pass gave other memory, as `p.data =` does."""
        memory = [*self._here, *(each.here for each in self.rows.values())]
        memory = [each.clone() for each in memory]  # one's new memory may be another's old
        for p, before in zip(self._owners, memory, strict=True):
            now = local(p.detach())
            if now.shape == before.shape:
                now.copy_(before)

    def unwritten(self) -> "Saved":
        """What of it belongs to parameters to which nobody has written since they moved."""
        versions = self._versions or [*map(_VERSION, self._moved)]
        still = [p._version == v for p, v in zip(self._moved, versions, strict=True)]
        n = len(self._whole)
        left = Saved(
            [*compress(self._whole, still)],
            [*compress(self._here, still)],
            [*compress(self.copies, still)],
            dict(compress(self.rows.items(), still[n:])),
            [*compress(self._moved, still)],
            [*compress(self._owners, still)],
        )
        left._versions = [*compress(versions, still)]
        left._addresses = [*compress(self._addresses, still)]
        return left


_VERSION, _SHAPE = attrgetter("_version"), attrgetter("shape")


def _addresses(params: list[Tensor]) -> list[int]:
    """Where their memory begins; that of this rank's part for a DTensor, which has none itself."""
    if {*map(type, params)} <= ORDINARY:
        return [*map(Tensor.data_ptr, params)]
    return [getattr(p, "_local_tensor", p).data_ptr() for p in params]


class Backup:
    """Copies of parameters, whose memory is kept where they lie in the host's."""

    def __init__(self) -> None:
        self._params: list[Tensor] = []
        self._addresses: list[int] = []
        self._shapes: list[Any] = []
        self._here: list[Tensor] = []
        self._large: list[int] = []
        self._whole: list[int] = []
        self._rooms: dict[int, Tensor] = {}
        self._copies = Copies({}, {})

    def save(self, params: list[Tensor], e: Vector) -> Saved:
        """Copies of what e moves: of some rows alone, where it moves few.

        Args:
            params: all of them; the same object as long as they are the same.
            e: the perturbation.
        """
        self._know(params)
        moving = {i: moving_rows(e[i]) for i in self._large if i in e}
        rows = {i: some for i, some in moving.items() if some is not None}
        whole = [i for i in e if i not in rows] if rows else [*e]
        here, copies = self._copied(whole)
        of_rows = {
            i: Rows(self._here[i], self._here[i].index_select(0, some), some)
            for i, some in rows.items()
        }
        moved = self._here if self._addresses else params  # aliases spare the look for gradients
        both = [[*map(each.__getitem__, (*whole, *rows))] for each in (moved, params)]
        return Saved(whole, here, copies, of_rows, *both)

    def _copied(self, whole: list[int]) -> tuple[list[Tensor], list[Tensor]]:
        if not self._addresses:
            here = [self._here[i] for i in whole]
            copies = [*map(torch.empty_like, here)]
            if here:
                torch._foreach_copy_(copies, here)
            return here, copies
        if whole != self._whole:
            self._whole = []  # until the copies are those of others, also if this is interrupted
            self._copies = Copies({i: self._here[i] for i in whole}, self._rooms)
            self._whole = whole
        self._copies.take()
        return self._copies.originals, self._copies.copies

    def _know(self, params: list[Tensor]) -> None:
        # As long as the aliases have memory, no other can come to lie at their addresses.
        if params is self._params and self._lie_there():
            return
        self._params, self._whole, self._rooms = params, [], {}
        self._copies = Copies({}, self._rooms)
        self._here = [local(p.detach()) for p in params]
        self._addresses = [*map(Tensor.data_ptr, params)] if on_host(params) else []
        self._shapes = _shapes(params) if self._addresses else []
        self._large = [i for i, p in enumerate(params) if self._addresses and p.numel() >= LARGE]

    def _lie_there(self) -> bool:
        lists = (self._params, self._here)
        lie = all([*map(Tensor.data_ptr, each)] == self._addresses for each in lists)
        return lie and _shapes(self._params) == self._shapes


def _shapes(params: list[Tensor]) -> list[Any]:
    """What `p.data = p.data.t()` changes, or a slice, and no address tells."""
    return [*map(_SHAPE, params), *map(Tensor.stride, params)]


def moving_rows(part: Tensor) -> Tensor | None:
    """The rows of a perturbation that are not 0, if they are at most a quarter; else None.

    A pass reads few rows of a large embedding, and its gradient is zero in all the others: only
    those few are kept and moved. One number each of some rows tells the usual tensor at no cost.
    """
    if part.ndim != 2 or part.is_complex():
        return None
    some = part[:: max(len(part) // 64, 1), 0]
    if 2 * int(some.count_nonzero()) > len(some):
        return None
    rows = ((part.amax(1) != 0) | (part.amin(1) != 0)).nonzero().squeeze(1)
    return rows if 4 * len(rows) <= len(part) else None
