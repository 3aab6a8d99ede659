"""Data by name: a `DataSpec` and a seed make a `Split`, the same for every method."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from sssam.lab.specs import DataSpec
from sssam.lab.specs.seeds import generator
from sssam.lab.tasks.examples import Examples
from sssam.lab.tasks.form import Form
from sssam.lab.tasks.pools import Pool
from sssam.lab.tasks.sources import source


class Split(NamedTuple):
    """Three disjoint sets of examples, and the form of their inputs and labels."""

    train: Examples
    validation: Examples
    test: Examples
    form: Form


def check(spec: DataSpec) -> None:
    """Refuses, before anything is read, a name that is unknown or a path that does not exist.

    Raises:
        ValueError: no such data set (with the nearest names), a path that it needs or can't use,
            or another setting that it can't use.
        FileNotFoundError: `path` does not exist.
    """
    found = source(spec)
    for name, value in (("target", spec.target), ("length", spec.length)):
        if value is not None and name not in found.takes:
            raise ValueError(f"data {spec.name!r} takes no {name}, got {value!r}: leave it out")
    if spec.path is None and found.path == "required":
        raise ValueError(f"data {spec.name!r} needs a path: {found.remedy}")
    if spec.path is None:
        return
    if found.path == "none":
        raise ValueError(f"data {spec.name!r} takes no path, got {spec.path!r}: leave it out")
    if not Path(spec.path).exists():
        raise FileNotFoundError(f"data path {spec.path!r} does not exist: {found.remedy}")


def pool(spec: DataSpec) -> Pool:
    """All examples, unsplit; read once a process, and anew when the file at the path changed.

    Raises:
        ValueError, FileNotFoundError: as `load` would.
    """
    check(spec)
    own = dict.fromkeys(("train", "validation", "test", "fingerprint"), None)
    stamp = None
    if spec.path is not None:
        state = Path(spec.path).stat()
        stamp = (state.st_mtime_ns, state.st_size)
    return _read(spec.model_copy(update={**own, "label_noise": 0.0}), stamp)


@lru_cache(maxsize=4)
def _read(spec: DataSpec, stamp: tuple[int, int] | None) -> Pool:
    return source(spec).read(spec)


def identified(spec: DataSpec) -> DataSpec:
    """The spec with the fingerprint of its data: the SHA-256 of all labels and inputs, as kept.

    Raises:
        ValueError, FileNotFoundError: as `load` would.
    """
    return spec.model_copy(update={"fingerprint": pool(spec).content})


def reach(spec: DataSpec) -> int:
    """Finds the data and counts the training examples, without decoding inputs.

    A hub's data are on this machine then.

    Raises:
        ValueError, FileNotFoundError: as `load` would, whatever the seed.
    """
    found = pool(spec)
    _check_noise(spec, found)
    return _sizes(spec, found)[0]


def load(spec: DataSpec, seed: int, at_most: int | None = None) -> Split:
    """Reads and splits a data set; the split and the noise depend on `spec` and `seed` alone.

    With `at_most`, the first so many examples of each set are read, for a look at them.

    Images are standardised per channel, and a table's numbers per column, by the mean and spread of
    the training set; digits stay in [0, 1]. With `label_noise` q, each training label is drawn
    anew, uniformly over all classes, with probability q (symmetric noise); validation and test
    labels stay as they are. The test set is the same for every seed: the data's own, or `test`
    examples that are drawn before anything else. Digits without `test` alone are tested, at each
    seed, on what its training and validation leave over, as the first records were.

    Raises:
        ValueError: an unknown name, more examples asked for than there are, or other data than
            those that the spec's fingerprint is of.
        FileNotFoundError: a path that does not exist.
    """
    found = pool(spec)
    if spec.fingerprint not in (None, found.content):
        raise ValueError(
            f"data {spec.name!r} changed since this run was planned (fingerprint {found.content}, "
            f"then {spec.fingerprint}): other data are another run; give the same command again, "
            "or put them back"
        )
    _check_noise(spec, found)
    indices = [index[:at_most] for index in _indices(spec, found, seed)]
    inputs = found.scaled([found.inputs(index) for index in indices])
    labels = [found.labels[index] for index in indices]
    labels[0] = _redrawn(labels[0], spec.label_noise, found.classes, seed)
    train, validation, test = map(Examples, inputs, labels)
    shape = tuple(train.inputs.shape[1:])
    form = Form(shape, found.classes, found.vocabulary, each_position=found.labels.ndim > 1)
    return Split(train, validation, test, form)


def _indices(spec: DataSpec, pool: Pool, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Training, validation and test examples, as indices into the pool."""
    open_, test = _test_cut_off(spec, pool)
    train, validation = _sizes(spec, pool)
    order = open_[torch.randperm(len(open_), generator=generator("split", seed))]
    rest = order[train + validation :]
    return order[:train], order[train : train + validation], test if len(test) else rest


def _test_cut_off(spec: DataSpec, pool: Pool) -> tuple[Tensor, Tensor]:
    """What seeds may train and validate on, and the test examples, which are alike for all seeds.

    The latter are none where each seed tests on what it leaves over.
    """
    everything, own = torch.arange(len(pool.labels)), pool.test_size
    if own:
        return everything[:-own], everything[-own:]
    test = _test_size(spec, pool)
    if test:
        everything = torch.randperm(len(everything), generator=generator("test pool"))
    return everything[test:], everything[:test]


def _test_size(spec: DataSpec, pool: Pool) -> int:
    """How many examples are cut off to test on, a fifth by default; none of the data's own set."""
    if pool.test_size or (spec.test is None and spec.name == "digits"):
        return 0
    return spec.test or max(1, len(pool.labels) // 5)


def _sizes(spec: DataSpec, pool: Pool) -> tuple[int, int]:
    """How many to train and to validate on: by default a tenth validates, and all others train."""
    if pool.test_size and spec.test is not None:
        raise ValueError(
            f"data {spec.name!r} bring a test set of {pool.test_size} examples, got "
            f"test={spec.test}: leave it out"
        )
    open_size, test = len(pool.labels) - pool.test_size, _test_size(spec, pool)
    validation = max(1, open_size // 10) if spec.validation is None else spec.validation
    rest = 0 if test or pool.test_size else max(1, open_size // 5)  # digits' seeds test on it
    train = open_size - test - rest - validation if spec.train is None else spec.train
    most = open_size - test - (0 if test or pool.test_size else 1)
    if train < 1 or train + validation > most:
        raise ValueError(
            f"data {spec.name!r} has {max(most, 0)} examples for training and validation together, "
            f"got train={train} and validation={validation}: ask for fewer"
        )
    return train, validation


def _check_noise(spec: DataSpec, pool: Pool) -> None:
    if spec.label_noise and pool.labels.ndim > 1:
        raise ValueError(
            f"data {spec.name!r} takes no label noise, got {spec.label_noise:g}: its labels are "
            "the text itself"
        )


def _redrawn(labels: Tensor, noise: float, classes: int, seed: int) -> Tensor:
    """Each label drawn anew over all classes with probability `noise`."""
    if not noise:
        return labels
    source = generator("label noise", seed)
    chosen = torch.rand(len(labels), generator=source) < noise
    return torch.where(chosen, torch.randint(classes, labels.shape, generator=source), labels)
