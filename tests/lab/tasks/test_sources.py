"""Data in the hub's layout, as the evidence's own script writes Fashion-MNIST from IDX files."""

import gzip
import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from sssam.lab.specs import DataSpec
from sssam.lab.studies import studyfile
from sssam.lab.tasks import splits as data

EVIDENCE = Path(__file__).parents[3] / "studies/evidence"


def _write_idx(path: Path, values: np.ndarray) -> None:
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(head + values.astype(np.uint8).tobytes()))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that `prepare.py --fashion` writes of IDX files of a few images."""
    source = np.random.default_rng(0)
    for part, n in (("train", 40), ("t10k", 10)):
        images = source.integers(0, 256, (n, 28, 28))
        _write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", images)
        _write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", np.arange(n) % 10)
    spec = importlib.util.spec_from_file_location("prepare", EVIDENCE / "prepare.py")
    prepare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prepare)
    monkeypatch.setattr(prepare, "HERE", tmp_path)
    prepare.fashion(tmp_path)
    return tmp_path / "fashion-mnist"


def test_fashion_mnist_in_the_hub_s_layout_keeps_its_own_test_set(folder):
    spec = DataSpec(name="fashion-mnist", path=str(folder), train=20, validation=10)
    split = data.load(spec, 0)
    assert [len(part) for part in split[:3]] == [20, 10, 10]
    assert split.test.inputs.shape == (10, 1, 28, 28)
    assert split.test.targets.tolist() == list(range(10))
    with pytest.raises(ValueError, match="have a test set of 10 examples, got test=5: leave it"):
        data.train_size(spec.model_copy(update={"test": 5}))
    other = data.load(spec, 1)
    assert torch.equal(split.test.targets, other.test.targets)
    assert not torch.equal(split.train.targets, other.train.targets)


def test_standardisation_uses_the_training_set_alone(folder):
    spec = DataSpec(name="fashion-mnist", path=str(folder), train=20, validation=10)
    split = data.load(spec, 0)
    assert split.train.inputs.mean().abs() < 1e-5
    assert split.train.inputs.std() == pytest.approx(1.0, abs=1e-5)
    assert split.test.inputs.mean().abs() > 1e-5


def test_the_study_of_noisy_fashion_mnist_runs_on_such_a_folder(folder, tmp_path):
    text = (EVIDENCE / "noisy-fashion-mnist/study.toml").read_text()
    sizes = '[{ name = "noisy-fashion-mnist", train = 20, validation = 10 }]'
    path = tmp_path / "study.toml"
    path.write_text(text.replace('["noisy-fashion-mnist"]', sizes))
    (part,) = studyfile.read(path, {"noisy-fashion-mnist": str(folder)}).parts
    assert (part.task.data.name, part.task.data.path) == ("fashion-mnist", str(folder))


def test_data_that_changed_since_a_run_was_planned_are_refused(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("a,y\n" + "1,0\n2,1\n" * 20)
    spec = data.identified(DataSpec(name="table", path=str(file)))
    data.load(spec, 0)
    file.write_text("a,y\n" + "1,0\n3,1\n" * 21)
    with pytest.raises(ValueError, match="'table' changed since this run was planned"):
        data.load(spec, 0)
