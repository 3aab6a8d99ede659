"""Fashion-MNIST in the files of its authors."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from sssam.lab.specs import DataSpec
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
    with pytest.raises(ValueError, match="have a test set of 10 examples, got test=5: leave it"):
        data.train_size(spec.model_copy(update={"test": 5}))
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
    for content in (b"PNG!", b"", bytes([0, 0, 8, 1]) + struct.pack(">I", 5) + b"abc"):
        (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
        with pytest.raises(ValueError, match="idx3-ubyte is no whole IDX file of bytes"):
            data.load(spec, 0)


def test_data_that_changed_since_a_run_was_planned_are_refused(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("a,y\n" + "1,0\n2,1\n" * 20)
    spec = data.identified(DataSpec(name="table", path=str(file)))
    data.load(spec, 0)
    file.write_text("a,y\n" + "1,0\n3,1\n" * 21)
    with pytest.raises(ValueError, match="'table' changed since this run was planned"):
        data.load(spec, 0)
