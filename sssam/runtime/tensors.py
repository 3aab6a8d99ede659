"""Tensors as they were: the memory and the shape that they had, and what stood in it."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

_COMPRESSED = {
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_coo: ("_indices", "_values"),
}
_PLAIN = {Tensor, nn.Parameter}
#: Memory as integers, and a copy of it.
Pairs = list[tuple[Tensor, Tensor]]
_WORDS = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.uint8}
_REAL = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool"
_SIMPLE = {kind: _WORDS[kind.itemsize] for kind in map(torch.__dict__.get, _REAL.split()) if kind}


#: A version counter and an address, which tell without reading that a tensor was written to, or
#: given other memory. Batch norm, `.data.add_()` and NumPy leave no mark.
Mark = tuple[int, int]


def mark(tensor: Tensor) -> Mark:
    """The mark of a tensor as it stands."""
    if type(tensor) not in _PLAIN or tensor.layout is not torch.strided:
        return (0 if is_lazy(tensor) or tensor.is_inference() else tensor._version), 0
    return (0 if tensor.is_inference() else tensor._version), tensor.data_ptr()


def is_plain(tensor: Tensor) -> bool:
    """Whether it is an ordinary tensor: numbers at an address, in strides."""
    return type(tensor) in _PLAIN and tensor.layout is torch.strided and not tensor.is_nested


def _parts(tensor: Any) -> list[str]:
    """The attributes in which a DTensor, a ragged or a quantised tensor holds others."""
    wraps = is_traceable_wrapper_subclass(tensor)
    names = tensor.__tensor_flatten__()[0] if wraps else []
    return [name for name in names if isinstance(getattr(tensor, name), Tensor)]


def _memories(tensor: Tensor) -> Iterator[Tensor]:
    """The strided tensors that a tensor is made of: a DTensor's part, sparse indices, values."""
    if is_lazy(tensor):
        return
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


def _integers(tensor: Tensor) -> Tensor:
    """The memory of a strided tensor as integers, so that NaN and -0 are distinct.

    What is written through it raises no version counter.
    """
    dtype = _SIMPLE.get(tensor.dtype)
    if dtype is None or not tensor.is_contiguous() or tensor.is_inference() or tensor.is_neg():
        return _words(tensor)
    return tensor.data.view(dtype)


def _words(tensor: Tensor) -> Tensor:
    """The memory that a strided tensor spans: expanded, overlapping, quantised, whatever it is."""
    storage: Any = tensor.untyped_storage()
    start = int(tensor.storage_offset()) * tensor.element_size()
    length = min(_length(tensor), storage.nbytes() - start)  # some quantised types pack two in one
    width = next(w for w in _WORDS if not (start % w or length % w or tensor.data_ptr() % w))
    flat = torch.empty(0, dtype=_WORDS[width], device=tensor.device)
    shape = torch.Size([length // width])
    flat.set_(storage, start // width, shape, (1,))
    return flat


class Extents:
    """Where in memory some tensors lie."""

    def __init__(self, tensors: Iterable[Tensor] = ()) -> None:
        parts = [p for tensor in tensors for p in _memories(tensor) if _has_memory(p)]
        spans = sorted(map(_span, parts))
        self._devices = {part.device for part in parts}
        self._starts = [start for start, _ in spans]
        self._ends = list(accumulate((end for _, end in spans), max))

    def touch(self, tensor: Tensor) -> bool:
        """Whether any memory of a tensor is theirs, too."""
        return any(self.overlap(part) for part in _memories(tensor) if _has_memory(part))

    def overlap(self, part: Tensor) -> bool:
        """Whether a strided tensor shares memory with them."""
        start, end = _span(part)
        i = bisect_left(self._starts, end)  # those before it start before this part ends
        return i > 0 and self._ends[i - 1] > start and part.device in self._devices


def _span(part: Tensor) -> tuple[int, int]:
    start = part.data_ptr()
    return start, start + _length(part)


def _has_memory(part: Tensor) -> bool:
    # mkldnn's memory can't be reached, and nothing is in a meta tensor's.
    return part.layout is torch.strided and not part.is_meta and part.numel() > 0


class Noted:
    """A tensor as it stood, to undo `.data =`, `set_`, `resize_` and writing in place.

    Args:
        name: what to call it in an error.
        tensor: any tensor; one without memory (meta, lazy) is only remembered.
        apart: what to leave alone where the tensor shares memory with it.
        exact: whether `differed` is to be known where the host must wait for a device to tell.

    Attributes:
        pairs: its memory, and the copies.
        moves: it was written back once, so that it can be without a comparison as long as it lies
            where it lay: it is moved by passes, and can be written to.
    """

    def __init__(self, name: str, tensor: Tensor, apart: Extents, exact: bool = False) -> None:
        self.name, self.tensor, self.exact, self.differed = name, tensor, exact, False
        plain = self._is_plain = is_plain(tensor)
        memories = [tensor] if plain else list(_memories(tensor))
        self._inner = [] if plain else list(_inner(tensor))
        self._alias = None if self._inner or is_lazy(tensor) else tensor.data
        self._place = _place(tensor)
        parts = [p for p in memories if _has_memory(p) and not apart.overlap(p)]
        self.pairs: Pairs = [(words, words.clone()) for words in map(_integers, parts)]
        self._addresses = addresses(self.pairs)
        self.moves = False

    def put_back(self) -> Pairs:
        """Give the tensor its memory, shape and contents again.

        On the host only what has changed is written, so that nothing is written to a read-only
        file that is mapped into memory. On a device, where there is none and reading makes the
        host wait, all is; that is returned, to be written at once for many.
        """
        for owner, name, tensor in self._inner:
            if getattr(owner, name) is not tensor:
                setattr(owner, name, tensor)
        if _place(self.tensor) != self._place or addresses(self.pairs) != self._addresses:
            self._put_back_memory()
        later: Pairs = []
        for words, copy in self.pairs:
            on_host = words.is_cpu
            if on_host or self.exact:
                if torch.equal(words, copy):
                    continue
                self.differed = True
            if on_host:
                words.copy_(copy)
            else:
                later.append((words, copy))
            self.moves = self._is_plain
        return later

    def _put_back_memory(self) -> None:
        if self._alias is not None:
            self.tensor.data, self.differed = self._alias, True
        for words, _ in self.pairs:
            storage = words.untyped_storage()
            end = words.nbytes + int(words.storage_offset()) * words.element_size()
            if storage.nbytes() < end:  # somebody has let it go
                storage.resize_(end)


def addresses(pairs: Pairs) -> list[int]:
    """Where the memory of each pair's first part lies: elsewhere once it was let go.

    A tensor that was given new memory can come to lie where its freed memory lay.
    """
    return [words.data_ptr() for words, _ in pairs]


def write(pairs: Pairs) -> None:
    """Write copies over what they were made of, as one operation a device."""
    if pairs:
        with torch.no_grad():
            torch._foreach_copy_([words for words, _ in pairs], [copy for _, copy in pairs])


def _inner(tensor: Tensor) -> Iterator[tuple[Any, str, Tensor]]:
    for name in _parts(tensor):
        inner = getattr(tensor, name)
        yield tensor, name, inner
        yield from _inner(inner)


def _place(tensor: Tensor) -> Any:
    """Where a plain tensor lies; for others, which can hold other memory unnoticed, unlike any."""
    if not is_plain(tensor):
        return math.nan
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype


_DTYPE, _SHAPE = attrgetter("dtype"), attrgetter("shape")


def places(tensors: list[Tensor]) -> tuple[list[Any], ...]:
    """Where plain tensors lie, all at once."""
    ways = (Tensor.data_ptr, _SHAPE, Tensor.stride, _DTYPE)
    return tuple([*map(way, tensors)] for way in ways)
