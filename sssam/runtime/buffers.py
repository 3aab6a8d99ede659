"""A model's buffers, put back where a pass has moved them."""

from collections.abc import Iterator
from contextlib import contextmanager
from operator import is_
from typing import Any

import torch
from torch import Tensor, nn

from sssam.runtime.layout import Layout, same
from sssam.runtime.tensors import Extents, Noted, Pairs, addresses, is_plain, places, write

#: What torch raises where a kind of tensor has no memory of its own, or can't be written to. What
#: a signal handler raises is none of these, and passes.
TORCHS = (RuntimeError, TypeError, ValueError, AttributeError)


class Buffers:
    """A model's buffers, as they stood when they were noted last, to be put back in place.

    Batch norm's running statistics, spectral norm's vectors, anything that a forward pass writes,
    rebinds, adds or removes: no hook is set and no `momentum` changed, since either would
    recompile a compiled model.

    The memory for the copies is kept and used again. Which buffers a pass moves shows once it is
    put back: from then on they are written as one operation, without a comparison.

    Args:
        layout: of the model.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._apart: Extents | None = None
        self._stamp = object()
        self._registered: tuple[list[str], list[Tensor | None]] = ([], [])
        self._names: list[_Names] = []
        self._tensors: list[Tensor] = []
        self._places: tuple[list[Any], ...] = ()
        self._pairs: Pairs = []
        self._addresses: list[int] = []
        self._plain: list[Noted] = []
        self._backwards: Pairs = []
        self._moving: Pairs = []
        self._unmoved: list[Noted] = []
        self._others: list[tuple[str, Tensor]] = []
        self._noted: list[Noted] = []

    def note(self, apart: Extents) -> None:
        """Note how they stand; the layout has been refreshed.

        Args:
            apart: where the trained parameters lie, which are left alone if a buffer shares that.

        Raises:
            RuntimeError: naming a buffer that can't be copied.
        """
        if self._is_known(apart):
            write(self._backwards)
        else:
            self._look(apart)
        # What is no ordinary tensor can have come to lie elsewhere without a trace.
        self._noted = [_noted(name, buffer, apart) for name, buffer in self._others]

    def _is_known(self, apart: Extents) -> bool:
        return self._apart is apart and self._stamp is self._layout.stamp and self._lie_there()

    def _lie_there(self) -> bool:
        lie = places(self._tensors) == self._places
        return lie and addresses(self._pairs) == self._addresses

    def _look(self, apart: Extents) -> None:
        self._apart = None  # until all is known, also where this is interrupted
        self._names = [_Names(prefix, module) for prefix, module in self._layout.modules]
        buffers = {
            id(buffer): (f"{names.prefix}.{name}".lstrip("."), buffer)
            for names in self._names
            for name, buffer in names.buffers.items()
            if buffer is not None
        }
        if not self._layout.is_scripted:
            self._registered = self._layout.buffers
        self._others = [each for each in buffers.values() if not is_plain(each[1])]
        self._plain = [_noted(*each, apart) for each in buffers.values() if is_plain(each[1])]
        self._tensors = [each.tensor for each in self._plain]
        self._places = places(self._tensors)
        self._pairs = [pair for each in self._plain for pair in each.pairs]
        self._addresses = addresses(self._pairs)
        self._backwards = [(copy, words) for words, copy in self._pairs]
        self._part()
        self._apart, self._stamp = apart, self._layout.stamp

    def _part(self) -> None:
        self._moving = [pair for each in self._plain if each.moves for pair in each.pairs]
        self._unmoved = [each for each in self._plain if not each.moves]

    def put_back(self) -> None:
        """Put back names, memory and contents: all that can be, whatever fails.

        Raises:
            RuntimeError: naming a buffer that could not be put back.
        """
        failed = [] if self._are_named() else self._put_back_names()
        if self._lie_there():
            write(self._moving)
            failed += put_back(self._unmoved + self._noted)
        else:
            failed += put_back(self._plain + self._noted)
        if any(each.moves for each in self._unmoved):
            self._part()
        if failed:
            name, first = failed[0]
            raise RuntimeError(
                f"the buffer {name!r} of model could not be put back after an extra pass, all else "
                f"was: {first}; keep in ordinary tensors what the forward pass changes, or give "
                "model=False if it does not matter"
            ) from first

    def _are_named(self) -> bool:
        if self._layout.is_scripted:
            return False
        names, buffers = self._layout.buffers
        return names == self._registered[0] and same(buffers, self._registered[1])

    def _put_back_names(self) -> list[tuple[str, Exception]]:
        failed: list[tuple[str, Exception]] = []
        for names in self._names:
            try:
                names.put_back()
            except TORCHS as error:
                failed.append((f"{names.prefix}.*".lstrip("."), error))
        return failed


def _noted(name: str, buffer: Tensor, apart: Extents) -> Noted:
    try:
        return Noted(name, buffer, apart)
    except TORCHS as error:
        raise RuntimeError(
            f"the buffer {name!r} of model, a {type(buffer).__name__}, can't be copied before an "
            f"extra pass: {error}; make it an ordinary tensor or an attribute, or give model=False "
            "if no buffer matters"
        ) from error


def put_back(noted: list[Noted]) -> list[tuple[str, Exception]]:
    """Put back all that can be; the names and errors of the rest."""
    failed: list[tuple[str, Exception]] = []
    pairs: Pairs = []
    if noted:
        with torch.no_grad():
            for each in noted:
                try:
                    pairs += each.put_back()
                except TORCHS as error:
                    failed.append((each.name, error))
    write(pairs)
    return failed


class _Names:
    """Which buffers a module has, by name."""

    def __init__(self, prefix: str, module: nn.Module) -> None:
        self.prefix, self.module = prefix, module
        self.buffers: dict[str, Tensor | None] = dict(module._buffers.items())
        self._passing = {*module._non_persistent_buffers_set}

    def put_back(self) -> None:
        module: Any = self.module
        if not module._buffers and not self.buffers:
            return
        now = dict(module._buffers.items())
        equal = list(now) == list(self.buffers)
        if equal and all(map(is_, now.values(), self.buffers.values())):
            return
        if isinstance(module, torch.jit.ScriptModule):
            for name in now.keys() | self.buffers.keys():
                if now.get(name) is not self.buffers.get(name):
                    setattr(module, name, self.buffers.get(name))
            return
        module._buffers.clear()
        module._buffers.update(self.buffers)
        module._non_persistent_buffers_set = self._passing


@contextmanager
def preserve_buffers(model: nn.Module) -> Iterator[None]:
    """Leave the model's buffers as they were found: for the second pass of a loop of one's own.

    Args:
        model: the module whose buffers (running statistics and the like) are put back at the end,
            in place, whatever happens inside.

    >>> norm = torch.nn.BatchNorm1d(2)
    >>> with preserve_buffers(norm):
    ...     _ = norm(torch.ones(4, 2))
    >>> norm.running_mean
    tensor([0., 0.])
    """
    kept = Buffers(Layout(model))
    kept.note(Extents())
    try:
        yield
    finally:
        kept.put_back()
