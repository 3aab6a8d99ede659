"""Data by name: a `DataSpec` and a seed make a `Split`, the same for every method."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from sssam.lab.specs import DataSpec
from sssam.lab.specs.invalid import nearest
from sssam.lab.specs.seeds import generator
from sssam.lab.tasks import adapter
from sssam.lab.tasks.examples import Examples
from sssam.lab.tasks.models import Form
from sssam.lab.tasks.pools import ExamplePool

#: What the name of a data set on the hub begins with.
HUB = "hub:"

#: Data sets of the hub with a name here; a folder in the hub's layout may stand in their place.
ON_HUB = {"fashion-mnist": "zalando-datasets/fashion_mnist", "cifar10": "uoft-cs/cifar10"}

#: Data that are named by their path.
AT_PATH = ("folder", "table")


def check(spec: DataSpec) -> None:
    """Refuses what can't be read, before anything is.

    Raises:
        ValueError: no such data set (with the nearest names), or a path or a target that is missing
            or out of place.
        FileNotFoundError: the path does not exist.
    """
    on_hub, words = spec.name.startswith(HUB), spec.name.removeprefix(HUB).split("/")
    known = ["digits", *ON_HUB, *AT_PATH]
    if on_hub and (len(words) > 3 or not all(words)):
        raise ValueError(f"data {spec.name!r}: write {HUB}ORGANISATION/NAME or {HUB}NAME")
    if not on_hub and spec.name not in known:
        raise ValueError(nearest("data", spec.name, [*known, f"{HUB}ORGANISATION/NAME"]))
    if spec.target is not None and spec.name == "digits":
        raise ValueError(f"data 'digits' takes no target, got {spec.target!r}: leave it out")
    if spec.path is None:
        if spec.name in AT_PATH:
            raise ValueError(f"data {spec.name!r} needs a path: give its file or folder")
    elif on_hub or spec.name == "digits":
        raise ValueError(f"data {spec.name!r} takes no path, got {spec.path!r}: leave it out")
    elif not Path(spec.path).exists():
        raise FileNotFoundError(
            f"data path {spec.path!r} does not exist: give the file or folder of {spec.name!r}"
        )


class Split(NamedTuple):
    """Three disjoint sets of examples, and the form of their inputs and labels."""

    train: Examples
    validation: Examples
    test: Examples
    form: Form


def pool(spec: DataSpec) -> ExamplePool:
    """All examples, unsplit; read once a process, and anew when the file at the path changed."""
    check(spec)
    state = None if spec.path is None else Path(spec.path).stat()
    place = DataSpec(name=spec.name, path=spec.path, target=spec.target)
    return _read(place, state and (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=4)
def _read(spec: DataSpec, stamp: tuple[int, int] | None) -> ExamplePool:
    if spec.name == "digits":
        return _digits()
    if spec.path is not None:
        return adapter.local(spec.path, spec.target)
    return adapter.hub(ON_HUB.get(spec.name, spec.name.removeprefix(HUB)), spec.target)


def _digits() -> ExamplePool:
    """1,797 images of 8 x 8 in ten classes, inside scikit-learn; no test set of their own."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images).float().div(16).unsqueeze(1)
    labels = torch.from_numpy(bunch.target).long()
    return ExamplePool(labels, images.__getitem__, 10, lambda: [images.numpy().tobytes()])


def identified(spec: DataSpec) -> DataSpec:
    """The spec with the fingerprint of its data: the SHA-256 of all labels and inputs, as kept."""
    return spec.model_copy(update={"fingerprint": pool(spec).content})


def train_size(spec: DataSpec) -> int:
    """The number of training examples, whatever the seed."""
    return len(_indices(spec, pool(spec), 0)[0])


def load(spec: DataSpec, seed: int, at_most: int | None = None) -> Split:
    """Reads and splits a data set; the split and the noise depend on `spec` and `seed` alone.

    With `at_most`, the first so many examples of each set are read, for a look at them.

    Images are standardised per channel, and a table's numbers per column, by the mean and spread of
    the training set; digits stay in [0, 1]. With `label_noise` q, each training label is drawn
    anew, uniformly over all classes, with probability q (symmetric noise); validation and test
    labels stay as they are. The test set is the same for every seed: the data's own, or `test`
    examples that are drawn before anything else.

    Raises:
        ValueError: an unknown name, more examples asked for than there are, or other data than
            those that the spec's fingerprint is of.
        FileNotFoundError: a path that does not exist.
    """
    whole = pool(spec)
    if spec.fingerprint not in (None, whole.content):
        raise ValueError(
            f"data {spec.name!r} changed since this run was planned (fingerprint {whole.content}, "
            f"then {spec.fingerprint}): other data are another run; give the same command again, "
            "or put them back"
        )
    indices = [index[:at_most] for index in _indices(spec, whole, seed)]
    inputs = whole.scaled([whole.inputs(index) for index in indices])
    labels = [whole.labels[index] for index in indices]
    labels[0] = _redrawn(labels[0], spec.label_noise, whole.classes, seed)
    train, validation, test = map(Examples, inputs, labels)
    return Split(train, validation, test, Form(tuple(train.inputs.shape[1:]), whole.classes))


def _indices(spec: DataSpec, pool: ExamplePool, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Training, validation and test examples, as indices into the pool.

    By default a tenth validates, a fifth tests where the data have no test set, and all others
    train.
    """
    size, own = len(pool.labels), pool.test_size
    if own and spec.test is not None:
        raise ValueError(
            f"data {spec.name!r} have a test set of {own} examples, got test={spec.test}: leave it "
            "out"
        )
    if own:
        rest, test = torch.arange(size).tensor_split([size - own])
    else:
        test, rest = _shuffled(size, "test pool").tensor_split([spec.test or max(1, size // 5)])
    validation = max(1, (size - own) // 10) if spec.validation is None else spec.validation
    train = len(rest) - validation if spec.train is None else spec.train
    if train < 1 or train + validation > len(rest):
        raise ValueError(
            f"data {spec.name!r} has {len(rest)} examples for training and validation together, "
            f"got train={train} and validation={validation}: ask for fewer"
        )
    rest = rest[_shuffled(len(rest), "split", seed)]
    return rest[:train], rest[train : train + validation], test


def _shuffled(size: int, *key: str | int) -> Tensor:
    return torch.randperm(size, generator=generator(*key))


def _redrawn(labels: Tensor, noise: float, classes: int, seed: int) -> Tensor:
    """Each label drawn anew over all classes with probability `noise`."""
    if not noise:
        return labels
    source = generator("label noise", seed)
    chosen = torch.rand(len(labels), generator=source) < noise
    return torch.where(chosen, torch.randint(classes, labels.shape, generator=source), labels)
