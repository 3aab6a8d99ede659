"""Samples in memory, or made anew by torch's `DataLoader`: the same batches by either way."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from sssam.lab.specs.seeds import generator
from sssam.runtime import batches


class ProblemError(ValueError):
    """A task of one's own that breaks the interface; the text says what is wrong and the remedy."""


#: Positions in the data, inputs and targets.
Batch: TypeAlias = tuple[Tensor, Any, Any]


@dataclass(frozen=True, eq=False)
class Examples:
    """Samples in memory: inputs and targets, each a tensor or a nesting of tensors."""

    inputs: Any
    targets: Any

    def __len__(self) -> int:
        return batches.size(self.inputs)

    def head(self, n: int) -> "Examples":
        return self._taken(slice(n))

    def to(self, device: torch.device) -> "Examples":
        return Examples(moved(self.inputs, device), moved(self.targets, device))

    def batches(self, order: Tensor, size: int, *key: str | int) -> Iterator[Batch]:
        """Batches of at most `size` in that order (int64, on any device)."""
        for index in torch.split(order, size):
            taken = self._taken(index)
            yield index, taken.inputs, taken.targets

    def digest(self, order: Tensor) -> bytes:
        """The bytes of the targets in that order, for a hash."""
        return b"".join(raw(leaf) for leaf in leaves(self._taken(order).targets))

    def _taken(self, which: slice | Tensor) -> "Examples":
        n = len(self)
        return Examples(*(batches.take(each, which, n) for each in (self.inputs, self.targets)))


@dataclass(frozen=True, eq=False)
class Streamed:
    """Samples that a map-style dataset makes when they are asked for."""

    dataset: Dataset[Any]
    workers: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def head(self, n: int) -> "Streamed":
        few = Subset(self.dataset, range(min(n, len(self))))
        return Streamed(few, self.workers, self.device)

    def to(self, device: torch.device) -> "Streamed":
        """These samples, with their batches on a device."""
        return Streamed(self.dataset, self.workers, device)

    def batches(self, order: Tensor, size: int, *key: str | int) -> Iterator[Batch]:
        """Batches of at most `size` in that order; the workers' seeds are derived from `key`."""
        split = torch.split(order.cpu(), size)
        loader: DataLoader[Any] = DataLoader(
            self.dataset,
            batch_sampler=[index.tolist() for index in split],
            num_workers=self.workers,
            generator=generator("workers", *key),
            pin_memory=self.device.type == "cuda",
        )
        for index, (inputs, targets) in zip(split, loader, strict=True):
            yield index.to(self.device), moved(inputs, self.device), moved(targets, self.device)

    def digest(self, order: Tensor) -> bytes:
        """None: the targets are not at hand."""
        return b""


#: What a user gives: a pair of inputs and targets, or a dataset; or what is made of it.
Samples: TypeAlias = Examples | Streamed | tuple[Any, Any] | Dataset[Any]


def checked(name: str, given: Samples, workers: int = 0) -> Examples | Streamed:
    """The samples of the training, validation or test set.

    Raises:
        ProblemError: no pair and no map-style dataset, something else than tensors in it, no
            samples, or tensors of several lengths.
    """
    if isinstance(given, Examples | Streamed):
        return given
    if isinstance(given, TensorDataset) and len(given.tensors) == 2:
        given = (given.tensors[0], given.tensors[1])
    samples: Examples | Streamed
    if isinstance(given, Dataset):
        if not (hasattr(given, "__len__") and hasattr(given, "__getitem__")):
            raise ProblemError(
                f"{name} is a {type(given).__name__} without len() or [i]: give a map-style "
                "Dataset, whose samples can be put in order"
            )
        samples = Streamed(given, workers)
    else:
        samples = Examples(*_pair(name, given))
    if not len(samples):
        raise ProblemError(f"{name} has no samples: give at least one")
    if isinstance(samples, Streamed):
        _pair(name, samples.dataset[0])
    else:
        _require_tensors(name, samples)
    return samples


def _pair(name: str, given: Any) -> Any:
    if not isinstance(given, tuple | list) or len(given) != 2:
        many = f" of {len(given)}" if isinstance(given, tuple | list) else ""
        raise ProblemError(
            f"{name} has a {type(given).__name__}{many}, must be a pair (inputs, targets), or a "
            "map-style torch Dataset of such pairs"
        )
    return given


def _require_tensors(name: str, samples: Examples) -> None:
    for side, tree in (("inputs", samples.inputs), ("targets", samples.targets)):
        for leaf in leaves(tree):
            if not isinstance(leaf, Tensor):
                raise ProblemError(
                    f"the {side} of {name} hold a {type(leaf).__name__}: make it a tensor, say by "
                    "torch.as_tensor(...)"
                )
            if not leaf.ndim or len(leaf) != len(samples):
                raise ProblemError(
                    f"the {side} of {name} hold a tensor of shape {tuple(leaf.shape)}, but there "
                    f"are {len(samples)} samples: the first dimension must count the samples"
                )


def leaves(tree: Any) -> Iterator[Any]:
    """What a nesting of tuples, lists and dicts holds, in its order."""
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    if not isinstance(tree, tuple | list):
        yield tree
        return
    for each in tree:
        yield from leaves(each)


def moved(tree: Any, device: torch.device) -> Any:
    """A nesting of tensors on a device."""
    return apply_to_collection(tree, Tensor, lambda t: t.to(device, non_blocking=True))


def fingerprint(parts: Sequence[Examples | Streamed], samples: int = 64) -> str:
    """The first 16 digits of the SHA-256 of all samples in memory, as hexadecimal text.

    Of a dataset it takes the length and up to `samples` samples, evenly spaced; what they draw from
    torch's generator is always the same.
    """
    digest = hashlib.sha256()
    for each in parts:
        digest.update(str(len(each)).encode())
        if isinstance(each, Examples):
            trees: Sequence[Any] = [each.inputs, each.targets]
        else:
            spaced = torch.arange(0, len(each), max(1, len(each) // samples))
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(0)
                trees = [each.dataset[i] for i in spaced.tolist()]
        for leaf in leaves(list(trees)):
            digest.update(raw(leaf) if isinstance(leaf, Tensor) else repr(leaf).encode())
    return digest.hexdigest()[:16]


def raw(tensor: Tensor) -> bytes:
    """A tensor's values, whatever their type."""
    whole = tensor.detach().cpu().contiguous().flatten()
    return whole.view(torch.uint8).numpy().tobytes() if whole.numel() else b""
