"""Fashion-MNIST in the files of its authors."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from sssam.lab.specs import DataSpec
from sssam.lab.tasks import idx
from sssam.lab.tasks import splits as data


def _write_idx(path: Path, values: np.ndarray) -> None:
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(head + values.astype(np.uint8).tobytes()))


@pytest.fixture
def idx_folder(tmp_path):
    source = np.random.default_rng(0)
    for part, n in (("train", 30), ("t10k", 10)):
        images = source.integers(0, 256, (n, 28, 28))
        _write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", images)
        _write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", np.arange(n) % 10)
    return tmp_path


def test_fashion_mnist_from_idx_files_keeps_its_own_test_set(idx_folder):
    spec = DataSpec(name="fashion-mnist", path=str(idx_folder), train=20, validation=10)
    split = data.load(spec, 0)
    assert [len(part) for part in split[:3]] == [20, 10, 10]
    assert split.test.targets.tolist() == list(range(10))
    with pytest.raises(ValueError, match="bring a test set of 10 examples, got test=5: leave it"):
        data.reach(spec.model_copy(update={"test": 5}))
    other = data.load(spec, 1)
    assert torch.equal(split.test.targets, other.test.targets)
    assert not torch.equal(split.train.targets, other.train.targets)


def test_standardisation_uses_the_training_set_alone(idx_folder):
    spec = DataSpec(name="fashion-mnist", path=str(idx_folder), train=20, validation=10)
    split = data.load(spec, 0)
    assert split.train.inputs.mean().abs() < 1e-5
    assert split.train.inputs.std() == pytest.approx(1.0, abs=1e-5)
    assert split.test.inputs.mean().abs() > 1e-5


def test_idx_files_that_are_missing_foreign_or_cut(tmp_path):
    spec = DataSpec(name="fashion-mnist", path=str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no file train-images-idx3-ubyte\.gz"):
        data.load(spec, 0)
    foreign, cut = tmp_path / "foreign", tmp_path / "cut"
    foreign.write_bytes(b"PNG!")
    with pytest.raises(ValueError, match=r"no IDX file of bytes: it starts with b'PNG!'"):
        idx.read_idx(foreign)
    cut.write_bytes(bytes([0, 0, 8, 1]) + struct.pack(">I", 5) + b"abc")
    with pytest.raises(ValueError, match=r"holds 3 values, its head says \(5,\)"):
        idx.read_idx(cut)
