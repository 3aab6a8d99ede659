"""Examples in memory: a `DataSpec` and a seed make a `Split`, the same for every method."""

import difflib
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from sssam.lab.seeds import generator
from sssam.lab.sources import SOURCES, Pool
from sssam.lab.specs import DataSpec


class Examples(NamedTuple):
    """Images, float32 of shape (n, channels, height, width), and labels, int64 of shape (n,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


class Split(NamedTuple):
    """Three disjoint sets of examples; `classes` is the number of labels that can occur."""

    train: Examples
    validation: Examples
    test: Examples
    classes: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width


def nearest(kind: str, name: str, known: Iterable[str]) -> str:
    """The text of an error for an unknown name: the nearest ones, then all that there are."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    return f"unknown {kind} {name!r}: {hint}known are {', '.join(names)}"


def check(spec: DataSpec) -> None:
    """Refuses, before anything is read, a name that is unknown or a path that does not exist.

    Raises:
        ValueError: no such data set (with the nearest names), or a path that it needs or can't use.
        FileNotFoundError: `path` does not exist.
    """
    if spec.name not in SOURCES:
        raise ValueError(nearest("data", spec.name, SOURCES))
    source = SOURCES[spec.name]
    if spec.path is None and source.path == "required":
        raise ValueError(f"data {spec.name!r} needs a path: {source.remedy}")
    if spec.path is None:
        return
    if source.path == "none":
        raise ValueError(f"data {spec.name!r} takes no path, got {spec.path!r}: leave it out")
    if not Path(spec.path).exists():
        raise FileNotFoundError(f"data path {spec.path!r} does not exist: {source.remedy}")


def identified(spec: DataSpec) -> DataSpec:
    """The spec with the fingerprint of its data: the SHA-256 of all labels and images, as kept.

    Raises:
        ValueError, FileNotFoundError: as `load` would.
    """
    check(spec)
    return spec.model_copy(update={"fingerprint": _content(spec.name, spec.path)})


@cache
def _content(name: str, path: str | None) -> str:
    return content(SOURCES[name].read(path))


def content(pool: Pool) -> str:
    """The first 16 digits of the SHA-256 of a pool's labels and images, as hexadecimal text."""
    digest = hashlib.sha256(pool.labels.numpy().tobytes())
    for image in pool.stored():
        digest.update(image)
    return digest.hexdigest()[:16]


def reach(spec: DataSpec) -> None:
    """Finds the data and counts them, images apart; a hub's data are on this machine then.

    Raises:
        ValueError, FileNotFoundError: as `load` would, whatever the seed.
    """
    check(spec)
    _sizes(spec, SOURCES[spec.name].read(spec.path))


def load(spec: DataSpec, seed: int) -> Split:
    """Reads and splits a data set; the split and the noise depend on `spec` and `seed` alone.

    Images are standardised per channel by the mean and spread of the training set, digits apart,
    which stay in [0, 1]. With `label_noise` q, each training label is drawn anew, uniformly over
    all classes, with probability q; validation and test labels stay as they are. A data set with a
    test set of its own keeps it; one without tests on what training and validation leave over.

    Raises:
        ValueError: an unknown name, or more examples asked for than there are.
        FileNotFoundError: a path that does not exist.
    """
    check(spec)
    source = SOURCES[spec.name]
    pool = source.read(spec.path)
    indices = _indices(spec, pool, seed)
    images = [pool.images(index) for index in indices]
    labels = [pool.labels[index] for index in indices]
    labels[0] = _redrawn(labels[0], spec.label_noise, pool.classes, seed)
    if source.standardised:
        images = _standardised(images)
    train, validation, test = map(Examples, images, labels)
    return Split(train, validation, test, pool.classes)


def fingerprint(split: Split) -> str:
    """The SHA-256 of all tensors of a split, as hexadecimal text."""
    digest = hashlib.sha256()
    for examples in (split.train, split.validation, split.test):
        for tensor in examples:
            digest.update(str(tuple(tensor.shape)).encode())
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _indices(spec: DataSpec, pool: Pool, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Training, validation and test examples, as indices into the pool."""
    open_size = len(pool.labels) - pool.test_size
    train, validation = _sizes(spec, pool)
    order = torch.randperm(open_size, generator=generator("split", seed))
    own_test = torch.arange(open_size, len(pool.labels))
    rest = order[train + validation :]
    return order[:train], order[train : train + validation], own_test if pool.test_size else rest


def _sizes(spec: DataSpec, pool: Pool) -> tuple[int, int]:
    """How many to train and to validate on: by default a tenth validates, a fifth tests."""
    open_size = len(pool.labels) - pool.test_size
    validation = max(1, open_size // 10) if spec.validation is None else spec.validation
    left_for_test = 0 if pool.test_size else max(1, open_size // 5)
    train = open_size - validation - left_for_test if spec.train is None else spec.train
    most = open_size - (0 if pool.test_size else 1)
    if train < 1 or train + validation > most:
        raise ValueError(
            f"data {spec.name!r} has {most} examples for training and validation together, "
            f"got train={train} and validation={validation}: ask for fewer"
        )
    return train, validation


def _standardised(images: list[Tensor]) -> list[Tensor]:
    """All images, shifted and scaled by each channel's mean and spread over the first part."""
    mean, spread = images[0].mean((0, 2, 3), keepdim=True), images[0].std((0, 2, 3), keepdim=True)
    return [(part - mean) / spread.clamp_min(1e-6) for part in images]


def _redrawn(labels: Tensor, noise: float, classes: int, seed: int) -> Tensor:
    """Each label drawn anew over all classes with probability `noise`."""
    source = generator("label noise", seed)
    chosen = torch.rand(len(labels), generator=source) < noise
    return torch.where(chosen, torch.randint(classes, labels.shape, generator=source), labels)
