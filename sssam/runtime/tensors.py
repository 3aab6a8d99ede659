"""Tensors as they were: the memory and the shape that they had, and what stood in it."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

_COMPRESSED = {
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_coo: ("_indices", "_values"),
}
#: Memory as flat integers, and a copy of it.
Pairs = list[tuple[Tensor, Tensor]]
_WORDS = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.uint8}


class Mark(NamedTuple):
    """What tells that a tensor was written to, or given other memory, without reading it."""

    version: int
    address: int


def mark(tensor: Tensor) -> Mark:
    """The mark of a tensor as it stands. Batch norm, `.data.add_()` and NumPy leave no mark."""
    if is_lazy(tensor):
        return Mark(0, 0)
    version = 0 if tensor.is_inference() else tensor._version
    return Mark(version, tensor.data_ptr() if _is_strided(tensor) else 0)


def _is_strided(tensor: Tensor) -> bool:
    plain = tensor.layout is torch.strided and not tensor.is_nested
    return plain and not is_traceable_wrapper_subclass(tensor)


def _parts(tensor: Any) -> list[str]:
    """The attributes in which a DTensor, a ragged or a quantised tensor holds others."""
    wraps = is_traceable_wrapper_subclass(tensor)
    names = tensor.__tensor_flatten__()[0] if wraps else []
    return [name for name in names if isinstance(getattr(tensor, name), Tensor)]


def _memories(tensor: Tensor) -> Iterator[Tensor]:
    """The strided tensors that a tensor is made of: a DTensor's part, sparse indices, values."""
    if parts := _parts(tensor):
        for name in parts:
            yield from _memories(getattr(tensor, name))
    elif tensor.is_nested:
        yield tensor.values()
    elif tensor.layout in _COMPRESSED:
        for name in _COMPRESSED[tensor.layout]:
            yield getattr(tensor, name)()
    else:
        yield tensor


def _length(tensor: Tensor) -> int:
    """How many bytes a strided tensor spans: fewer than its numbers take where it is expanded."""
    if tensor.is_contiguous():
        return tensor.nbytes
    reach = sum(step * (n - 1) for step, n in zip(tensor.stride(), tensor.shape, strict=True))
    return int(reach + 1) * tensor.element_size()


def _words(tensor: Tensor) -> Tensor:
    """The memory that a strided tensor spans, as flat integers.

    Expanded, overlapping, quantised, inference-mode tensors, NaN and -0 are all the same here;
    and what is written through it raises no version counter.
    """
    storage: Any = tensor.untyped_storage()
    start = int(tensor.storage_offset()) * tensor.element_size()
    length = min(_length(tensor), storage.nbytes() - start)  # some quantised types pack two in one
    width = next(w for w in _WORDS if not (start % w or length % w or tensor.data_ptr() % w))
    flat = torch.empty(0, dtype=_WORDS[width], device=tensor.device)
    shape = torch.Size([length // width])
    flat.set_(storage, start // width, shape, (1,))
    return flat


class Extents:
    """Where in memory some tensors lie, by device."""

    def __init__(self, tensors: Iterable[Tensor] = ()) -> None:
        self._spans: dict[torch.device, dict[int, list[tuple[int, int]]]] = {}
        for tensor in tensors:
            for part in filter(_has_memory, _memories(tensor)):
                storages = self._spans.setdefault(part.device, {})
                storages.setdefault(part.untyped_storage().data_ptr(), []).append(_span(part))

    def touch(self, tensor: Tensor) -> bool:
        """Whether any memory of a tensor is theirs, too."""
        return any(self.overlap(part) for part in _memories(tensor) if _has_memory(part))

    def overlap(self, part: Tensor) -> bool:
        """Whether a strided tensor shares memory with them."""
        storages = self._spans.get(part.device, {})
        spans = storages.get(part.untyped_storage().data_ptr(), [])
        if not spans:
            return False
        start, end = _span(part)
        return any(start < other_end and other < end for other, other_end in spans)


def _span(part: Tensor) -> tuple[int, int]:
    return part.data_ptr(), part.data_ptr() + _length(part)


def _has_memory(part: Tensor) -> bool:
    if is_lazy(part) or part.layout is not torch.strided:  # mkldnn's memory can't be reached
        return False
    return part.device.type != "meta" and part.numel() > 0


class Noted:
    """A tensor as it stood, to undo `.data =`, `set_`, `resize_` and writing in place.

    Args:
        name: what to call it in an error.
        tensor: any tensor; one without memory (meta, lazy) is only remembered.
        apart: what to leave alone where the tensor shares memory with it.
        copy: whether to copy what stands in its memory.
        exact: whether `differed` is to be known where the host must wait for a device to tell.
    """

    def __init__(
        self, name: str, tensor: Tensor, apart: Extents, copy: bool = True, exact: bool = False
    ) -> None:
        self.name, self.tensor, self.exact, self.differed = name, tensor, exact, False
        self._inner: list[tuple[Any, str, Tensor]] = list(_inner(tensor))
        self._alias = None if self._inner or is_lazy(tensor) else tensor.detach()
        self._pairs: Pairs = []
        if copy:
            parts = [p for p in _memories(tensor) if _has_memory(p) and not apart.overlap(p)]
            self._pairs = [(words, words.clone()) for words in map(_words, parts)]

    def put_back(self) -> Pairs:
        """Give the tensor its memory, shape and contents again.

        On the host only what has changed is written, so that nothing is written to a read-only
        file that is mapped into memory. On a device, where there is none and reading makes the
        host wait, all is; that is returned, to be written at once for many.
        """
        for owner, name, tensor in self._inner:
            if getattr(owner, name) is not tensor:
                setattr(owner, name, tensor)
        if self._alias is not None and _has_other_memory(self.tensor, self._alias):
            self.tensor.data, self.differed = self._alias, True
        later: Pairs = []
        for words, copy in self._pairs:
            _make_room(words)
            on_host = words.device.type == "cpu"
            if on_host or self.exact:
                if torch.equal(words, copy):
                    continue
                self.differed = True
            if on_host:
                words.copy_(copy)
            else:
                later.append((words, copy))
        return later


def _make_room(words: Tensor) -> None:
    storage = words.untyped_storage()
    end = words.nbytes + int(words.storage_offset()) * words.element_size()
    if storage.nbytes() < end:  # somebody has let its memory go
        storage.resize_(end)


def write(pairs: Pairs) -> None:
    """Write copies over what they were made of, as one operation a device."""
    if pairs:
        torch._foreach_copy_([words for words, _ in pairs], [copy for _, copy in pairs])


def _inner(tensor: Tensor) -> Iterator[tuple[Any, str, Tensor]]:
    for name in _parts(tensor):
        inner = getattr(tensor, name)
        yield tensor, name, inner
        yield from _inner(inner)


def _has_other_memory(tensor: Tensor, alias: Tensor) -> bool:
    if not (_is_strided(tensor) and _is_strided(alias)):
        # A sparse tensor's parts can be replaced without it; to give it these again does no harm.
        return tensor.layout is not torch.strided or tensor.is_nested
    return (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype) != (
        alias.data_ptr(),
        alias.shape,
        alias.stride(),
        alias.dtype,
    )
