"""Batches of any nesting of tensors: their size, and some of their samples.

A batch is made of fields (a tensor, a tuple, list, dict or dataclass of fields) or is a list of
samples: of images, of texts, of whatever has no length of its own. A list of tensors can be both.
It is read as fields where one of them has as many entries as the batch has samples.
"""

import copy
import dataclasses
from collections import UserDict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


def size(batch: Any) -> int:
    """The number of samples in a batch.

    That is the length of the first tensor or array in its fields; if there is none, of the first
    list of samples; 0 if there is none either.

    Raises:
        ValueError: a list of which nobody can tell whether its tensors are samples or fields; or
            fields of which no two agree in their length with the first one.
    """
    length = _length(batch) or _listed(batch)
    if isinstance(batch, PackedSequence) or (_is_list(batch) and _looks_like_samples(batch)):
        return length
    return _agreed(length, _fields(batch))


def _agreed(length: int, fields: list[Any]) -> int:
    """What the fields agree on: `length`, or where another reading of a list is theirs, that."""
    arrays = [n for field in fields if (n := _length(field)) > 1]
    if length < 2 or not arrays:
        return length
    lengths = [{_length(field), len(field) if _is_list(field) else 0} for field in fields]
    common = [n for n in (length, *lengths[0]) if n > 1 and sum(n in each for each in lengths) > 1]
    if not common and len(arrays) > 1:
        raise ValueError(DISAGREE.format(lengths=", ".join(map(str, arrays))))
    return common[0] if common else length


def _is_list(x: Any) -> bool:
    return isinstance(x, tuple | list) and not hasattr(x, "_fields")


DISAGREE = (
    "the fields of the batch have {lengths} entries along their dimension 0, so the number of "
    "samples, of which a part is asked for, is unknown: put the samples first in each field "
    "(batch_first=True), leave out what is no samples', or take the part yourself in step(closure) "
    "where optimizer.phase is 'ascent'"
)


def _length(x: Any) -> int:
    """The length of the first tensor or array in the fields of x."""
    if isinstance(x, PackedSequence):
        return int(x.batch_sizes[0])
    if _is_array(x):
        return int(x.shape[0] if not _is_nested(x) else x.size(0)) if x.ndim else 0
    if isinstance(x, tuple | list) and _looks_like_samples(x):
        return 0
    return next((n for n in map(_length, _fields(x)) if n), 0)


def _listed(x: Any) -> int:
    """The length of the first list of samples in the fields of x."""
    if isinstance(x, tuple | list) and _looks_like_samples(x):
        if _is_ambiguous(x):
            raise ValueError(AMBIGUOUS.format(n=len(x), shape=tuple(x[0].shape)))
        return len(x)
    return next((n for n in map(_listed, _fields(x)) if n), 0)


AMBIGUOUS = (
    "a list of {n} tensors, the first of shape {shape}, can be {n} samples or {n} fields of a "
    "batch, of which a part is asked for: give samples stacked or with their labels, fields in a "
    "dict, or drop_last=True to the loader where the last batch is small"
)


def _is_array(x: Any) -> bool:
    # A tensor, a NumPy array; its type may be none that can be imported here.
    return isinstance(x, Tensor) or (hasattr(x, "__array_interface__") and hasattr(x, "shape"))


def _is_nested(x: Any) -> bool:
    return isinstance(x, Tensor) and x.is_nested


def _fields(x: Any) -> list[Any]:
    if isinstance(x, Mapping):
        return list(x.values())
    if isinstance(x, tuple | list):
        return list(x)
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        return [getattr(x, field.name) for field in dataclasses.fields(x)]
    return []


# Lists of samples --------------------------------------------------------------------------------


def _looks_like_samples(x: Sequence[Any]) -> bool:
    if hasattr(x, "_fields"):
        return False
    if not any(map(_length, x)) and not any(map(_fields, x)):
        return len(set(map(type, x))) == 1  # texts, numbers, objects
    if all(map(_is_array, x)):
        return _are_ragged(x) or _are_images(x)
    kinds = (_have_equal_keys, _are_tuples_with_a_number, _are_lists_of_words)
    return len(x) > 1 and any(kind(x) for kind in kinds)


def _are_ragged(x: Sequence[Any]) -> bool:
    """Sequences that differ in nothing but their lengths."""
    kinds = {(each.dtype, each.ndim, *each.shape[1:]) for each in x if not _is_nested(each)}
    return len(kinds) == 1 and len({len(each) for each in x}) > 1


def _are_images(x: Sequence[Any]) -> bool:
    kinds = {(each.dtype, each.ndim, *each.shape[:1]) for each in x if not _is_nested(each)}
    return len(kinds) == 1 and x[0].ndim == 3 and x[0].shape[0] in (1, 3, 4)


def _is_ambiguous(x: Sequence[Any]) -> bool:
    """Two or fewer, where three or more would be samples: a batch can have that many fields."""
    if len(x) > 2 or not all(map(_is_array, x)):
        return False
    sizes_differ = (
        len(x) == 2 and _are_images(x) and all(map(int.__ne__, *(e.shape[1:] for e in x)))
    )
    return any(map(_length, x)) and not sizes_differ


def _have_equal_keys(x: Sequence[Any]) -> bool:
    return all(isinstance(each, Mapping) and each.keys() == x[0].keys() for each in x)


def _are_tuples_with_a_number(x: Sequence[Any]) -> bool:
    """(image, label) and the like, as they come where nothing has collated them."""
    if not all(isinstance(each, tuple | list) and len(each) == len(x[0]) for each in x):
        return False
    lengths = [list(map(_length, each)) for each in x]
    return all(any(each) and not all(each) for each in lengths)


def _are_lists_of_words(x: Sequence[Any]) -> bool:
    """Words, or their numbers, in lists of different lengths; a list of equal lists of numbers."""
    if not all(isinstance(each, tuple | list) for each in x):
        return False
    words = [word for each in x for word in each]
    if any(_length(word) or _fields(word) for word in words):
        return False
    numbers = all(isinstance(word, int | float) for word in words)
    return len({len(each) for each in x}) > 1 or (numbers and isinstance(x, list))


# Some of the samples -----------------------------------------------------------------------------


def take(batch: Any, which: slice | Tensor, n: int) -> Any:
    """Some of the n samples of a batch; what has no part for each sample stays as it is.

    Args:
        batch: what `size` found n samples in.
        which: a slice, or positions as a tensor of integers.
        n: the number of samples.

    Raises:
        TypeError: an object that holds tensors in a way of its own.
    """
    if isinstance(batch, PackedSequence):
        return _of_packed(batch, which) if _length(batch) == n else batch
    if _is_array(batch):
        return _of_array(batch, which) if _length(batch) == n else batch
    if isinstance(batch, tuple | list) and _are_samples(batch, n):
        chosen = range(n)[which] if isinstance(which, slice) else which.tolist()
        return type(batch)([batch[i] for i in chosen])
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(take(value, which, n) for value in batch))
    if isinstance(batch, tuple | list):
        return type(batch)([take(value, which, n) for value in batch])
    if isinstance(batch, Mapping):
        return _of_mapping(batch, {key: take(value, which, n) for key, value in batch.items()})
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        cut: Any = copy.copy(batch)
        for field in dataclasses.fields(batch):
            object.__setattr__(cut, field.name, take(getattr(batch, field.name), which, n))
        return cut
    return _indivisible(batch)


def _are_samples(x: Sequence[Any], n: int) -> bool:
    if len(x) != n or hasattr(x, "_fields"):
        return False
    return _looks_like_samples(x) or not any(_length(each) == n for each in x)


def _of_mapping(x: Mapping[Any, Any], parts: dict[Any, Any]) -> Any:
    if not isinstance(x, dict | UserDict):
        return type(x)(parts)  # type: ignore[call-arg]
    cut = copy.copy(x)  # with what else it has: a default, a tokenizer's encodings
    cut.update(parts)
    return cut


def _of_array(x: Any, which: slice | Tensor) -> Any:
    if not isinstance(x, Tensor):
        return x[which if isinstance(which, slice) else which.cpu().numpy()]
    if x.is_nested:
        parts = x.unbind()
        chosen = range(len(parts))[which] if isinstance(which, slice) else which.tolist()
        return torch.nested.as_nested_tensor([parts[i] for i in chosen], layout=x.layout)
    if isinstance(which, slice) and x.layout is torch.strided:
        return x[which]
    rows = torch.arange(len(x))[which] if isinstance(which, slice) else which
    return x.index_select(0, rows.to(x.device))


def _of_packed(x: PackedSequence, which: slice | Tensor) -> PackedSequence:
    padded, lengths = pad_packed_sequence(x, batch_first=True)
    chosen = which if isinstance(which, slice) else which.cpu()
    lengths, padded = lengths[chosen], _of_array(padded, which)
    return pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)


def _indivisible(x: Any) -> Any:
    holds = any(isinstance(each, Tensor) for each in getattr(x, "__dict__", {}).values())
    if holds or hasattr(x, "to") or (hasattr(x, "__getitem__") and not isinstance(x, str | bytes)):
        raise TypeError(
            f"a part of the batch is asked for, but how to take samples out of "
            f"{type(x).__name__} is not known: give passes() tensors, arrays, or tuples, lists or "
            "dicts of them, or take the part yourself in step(closure) where optimizer.phase is "
            "'ascent'"
        )
    return x
