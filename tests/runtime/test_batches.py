"""Some samples of batches of any nesting, taken across all fields alike."""

from collections import UserDict, defaultdict, namedtuple
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from sssam.runtime.batches import size, take

N = 6
ROWS = [4, 1]


def _images(n: int = N, sizes: bool = False) -> list[torch.Tensor]:
    return [torch.full((3, 8 + i * sizes, 9 + i * sizes), float(i)) for i in range(n)]


def _texts() -> list[str]:
    return [f"text {i}" for i in range(N)]


def _ragged() -> list[torch.Tensor]:
    return [torch.full((i + 1,), float(i)) for i in range(N)]


Pair = namedtuple("Pair", "x y")


@dataclass(frozen=True)
class Fields:
    x: torch.Tensor
    name: str = "train"


class Encoding(UserDict):  # type: ignore[type-arg]
    """As the Transformers library has it: a dict, and more about the same texts."""

    def __init__(self, data: Any = None, encodings: Any = None) -> None:
        super().__init__(data)
        self.encodings = encodings


X, Y = torch.arange(N * 4.0).view(N, 4), torch.arange(N)


def _seen(x: Any) -> Any:
    """Tensors and arrays as lists, all else as it is."""
    if isinstance(x, torch.nn.utils.rnn.PackedSequence):
        return [part.tolist() for part in unpack_sequence(x)]
    if isinstance(x, torch.Tensor) and x.is_nested:
        return [part.tolist() for part in x.unbind()]
    if isinstance(x, torch.Tensor):
        return (x if x.layout is torch.strided else x.to_dense()).tolist()
    if isinstance(x, np.ndarray):
        return x.tolist()
    if isinstance(x, dict | UserDict | MappingProxyType):
        return {key: _seen(value) for key, value in x.items()}
    if isinstance(x, tuple | list):
        return [_seen(value) for value in x]
    return x


def _picked(x: Any, rows: list[int]) -> list[Any]:
    return [_seen(x[i]) for i in rows]


#: Batches of N samples, with what those in some rows are.
BATCHES: dict[str, tuple[Any, Any]] = {
    "tensor": (X, lambda rows: _picked(X, rows)),
    "pair": ((X, Y), lambda rows: [_picked(X, rows), rows]),
    "list, as collated": ([X, Y], lambda rows: [_picked(X, rows), rows]),
    "two views": ([X, X + 1], lambda rows: [_picked(X, rows), _picked(X + 1, rows)]),
    "named tuple": (Pair(X, Y), lambda rows: [_picked(X, rows), rows]),
    "nested": (
        ({"a": (X, Y), "b": None}, Y, 0.5),
        lambda rows: [{"a": [_picked(X, rows), rows], "b": None}, rows, 0.5],
    ),
    "defaultdict": (defaultdict(list, x=X), lambda rows: {"x": _picked(X, rows)}),
    "arrays": ((X.numpy(), Y.numpy()), lambda rows: [_picked(X, rows), rows]),
    "texts": (_texts(), lambda rows: _picked(_texts(), rows)),
    "array of texts": (np.array(_texts()), lambda rows: _picked(_texts(), rows)),
    "texts and labels": ((_texts(), Y), lambda rows: [_picked(_texts(), rows), rows]),
    "token lists": (
        Encoding({"ids": [[i] * (i + 1) for i in range(N)]}),
        lambda rows: {"ids": [[i] * (i + 1) for i in rows]},
    ),
    "pairs of texts": (
        (_texts(), _texts()),
        lambda rows: [_picked(_texts(), rows), _picked(_texts(), rows)],
    ),
    "padded token lists": ([[i] * 3 for i in range(N)], lambda rows: [[i] * 3 for i in rows]),
    "labels as numbers": ((X, list(range(N))), lambda rows: [_picked(X, rows), rows]),
    "images": (_images(), lambda rows: _picked(_images(), rows)),
    "images of different sizes": (
        tuple(_images(sizes=True)),
        lambda rows: _picked(_images(sizes=True), rows),
    ),
    "images and labels": ((_images(), Y), lambda rows: [_picked(_images(), rows), rows]),
    "images and boxes": (
        (tuple(_images()), tuple({"boxes": torch.ones(i, 4), "i": i} for i in range(N))),
        lambda rows: [
            _picked(_images(), rows),
            [{"boxes": [[1.0] * 4] * i, "i": i} for i in rows],
        ],
    ),
    "not collated": (
        [(image, i) for i, image in enumerate(_images())],
        lambda rows: [[_seen(_images()[i]), i] for i in rows],
    ),
    "dicts, not collated": (
        [{"x": x, "y": i} for i, x in enumerate(X)],
        lambda rows: [{"x": _seen(X[i]), "y": i} for i in rows],
    ),
    "ragged": (_ragged(), lambda rows: _picked(_ragged(), rows)),
    "packed": (
        (pack_sequence(_ragged(), enforce_sorted=False), Y),
        lambda rows: [_picked(_ragged(), rows), rows],
    ),
    "nested tensor": (
        torch.nested.nested_tensor(_ragged(), layout=torch.jagged),
        lambda rows: _picked(_ragged(), rows),
    ),
    "sparse": ((X.to_sparse(), Y), lambda rows: [_picked(X, rows), rows]),
    "with others' shapes": (
        {"x": X, "y": Y, "prototypes": torch.ones(5, 5), "scale": torch.tensor(2.0)},
        lambda rows: {
            "x": _picked(X, rows),
            "y": rows,
            "prototypes": [[1.0] * 5] * 5,
            "scale": 2.0,
        },
    ),
    "samples and labels in lists": (
        (list(X), list(range(N))),
        lambda rows: [_picked(X, rows), rows],
    ),
    "one tensor, and a length of 1": (
        (X, torch.ones(1), "text", {"size": (32, 32)}),
        lambda rows: [_picked(X, rows), [1.0], "text", {"size": [32, 32]}],
    ),
    "a size before the tensor": (
        {"size": (32, 32), "x": X},
        lambda rows: {"size": [32, 32], "x": _picked(X, rows)},
    ),
}


@pytest.mark.parametrize("case", BATCHES.values(), ids=BATCHES)
def test_samples_are_taken_across_all_fields_alike(case: tuple[Any, Any]) -> None:
    batch, picked = case
    before = _seen(batch)
    assert size(batch) == N
    for which, rows in ((slice(2), [0, 1]), (torch.tensor(ROWS), ROWS)):
        part = take(batch, which, N)
        assert _seen(part) == picked(rows)
        assert type(part) is type(batch)
    assert _seen(batch) == before


def test_other_types_of_mappings_and_data_classes_are_kept() -> None:
    part = take(Fields(X), slice(2), N)
    assert size(Fields(X)) == N
    assert (_seen(part.x), part.name) == (_picked(X, [0, 1]), "train")
    encoding = Encoding({"x": X}, encodings="kept")
    assert take(encoding, slice(2), N).encodings == "kept"
    assert len(encoding["x"]) == N


@pytest.mark.parametrize("n", [1, 2])
def test_what_can_be_samples_or_fields_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=rf"list of {n} tensors.*\(3, 8, 9\).*stacked.*drop_last"):
        size(_images(n))
    assert size({"x": _images(1)[0]}) == 3
    assert size((_images(n), torch.arange(n))) == n
    assert len(take((_images(2), torch.arange(2)), slice(1), 2)[0]) == 1


@pytest.mark.parametrize(
    "batch",
    [
        (torch.ones(5, N, 4), Y),  # time first
        {"x": torch.ones(17, 3), "edges": torch.ones(2, 30), "y": Y},  # graphs
        Pair(X, Y[:4]),
    ],
    ids=["time first", "graphs", "cut off"],
)
def test_fields_that_agree_on_no_number_of_samples_are_refused(batch: Any) -> None:
    first = next(iter(batch.values())) if isinstance(batch, dict) else batch[0]
    said = rf"have {len(first)}, .* entries.*batch_first=True.*optimizer\.phase is 'ascent'"
    with pytest.raises(ValueError, match=said):
        size(batch)


class Graphs:
    """A batch with a way of its own: nodes of all graphs in one tensor."""

    def __init__(self) -> None:
        self.x, self.num_graphs = torch.ones(17, 3), 4

    def to(self, device: str) -> "Graphs":
        return self


@pytest.mark.parametrize("other", [Graphs(), SimpleNamespace(x=X)])
def test_an_object_with_samples_of_its_own_kind_is_refused(other: object) -> None:
    assert size(other) == 0
    with pytest.raises(TypeError, match=rf"{type(other).__name__}.*step\(closure\).*phase"):
        take((other, Y), slice(2), N)
