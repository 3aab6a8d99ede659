import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from sssam.lab import data, sources
from sssam.lab.specs import DataSpec

NOISY = DataSpec(name="digits", train=1000, validation=200, label_noise=0.4)


def test_digits_split_has_the_sizes_of_the_task_and_no_example_twice():
    split = data.load(NOISY, seed=0)
    assert [len(part) for part in split[:3]] == [1000, 200, 597]
    assert split.shape == (1, 8, 8)
    assert split.classes == 10
    everything = torch.cat([part.images.flatten(1) for part in split[:3]])
    expected = torch.from_numpy(load_digits().data).float() / 16
    assert sorted(everything.tolist()) == sorted(expected.tolist())


def test_equal_seeds_give_equal_splits_and_others_other_ones():
    same, other = data.load(NOISY, seed=3), data.load(NOISY, seed=4)
    assert data.fingerprint(data.load(NOISY, seed=3)) == data.fingerprint(same)
    assert data.fingerprint(same) != data.fingerprint(other)


def test_noise_redraws_a_share_of_training_labels_and_no_others():
    clean, noisy = data.load(NOISY.model_copy(update={"label_noise": 0.0}), 0), data.load(NOISY, 0)
    assert torch.equal(clean.train.images, noisy.train.images)
    wrong = (clean.train.labels != noisy.train.labels).double().mean().item()
    assert wrong == pytest.approx(0.4 * 0.9, abs=4 * (0.36 * 0.64 / 1000) ** 0.5)
    assert torch.equal(clean.validation.labels, noisy.validation.labels)
    assert torch.equal(clean.test.labels, noisy.test.labels)


def test_all_labels_redrawn_are_uniform_over_the_classes():
    split = data.load(NOISY.model_copy(update={"label_noise": 1.0}), 0)
    counts = split.train.labels.bincount(minlength=10).double()
    assert ((counts - 100) ** 2 / 100).sum() < 27.9  # chi-square, 9 degrees of freedom, p = 0.001


def test_the_global_generator_is_neither_read_nor_moved():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = data.fingerprint(data.load(NOISY, 0))
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert data.fingerprint(data.load(NOISY, 0)) == one


def test_the_fingerprint_is_of_every_label_and_image(tmp_path):
    labels, images = torch.arange(4), torch.rand(4, 1, 2, 2)
    kept = {"labels": labels, "images": images}
    other = {"labels": torch.tensor([0, 1, 2, 2])}, {"images": images + torch.eye(2)}
    found = [_content_of(kept | change) for change in ({}, {}, *other)]
    assert found[0] == found[1]
    assert len(set(found)) == 3


def _content_of(kept):
    rows = [image.numpy().tobytes() for image in kept["images"]]
    return data.content(sources.Pool(kept["labels"], kept["images"].__getitem__, 4, lambda: rows))


def test_sizes_by_default_use_every_example():
    split = data.load(DataSpec(name="digits"), 0)
    assert [len(part) for part in split[:3]] == [1259, 179, 359]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("digit", "'digits'"), ("cifar-10", "'cifar10'"), ("qqqq", "known are cifar")],
)
def test_an_unknown_name_gives_the_nearest_ones(name, hint):
    with pytest.raises(ValueError, match=f"unknown data '{name}'.*{hint}"):
        data.check(DataSpec(name=name))


def test_a_path_that_does_not_exist_is_named_with_the_remedy(tmp_path):
    spec = DataSpec(name="cifar10", path=str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match=r"absent' does not exist: give the folder with"):
        data.load(spec, 0)


def test_a_path_where_none_is_taken_and_none_where_one_is_needed():
    with pytest.raises(ValueError, match=r"'digits' takes no path, got '/x': leave it out"):
        data.check(DataSpec(name="digits", path="/x"))
    with pytest.raises(ValueError, match=r"'imagefolder' needs a path: give the folder"):
        data.check(DataSpec(name="imagefolder"))


def test_more_examples_than_there_are():
    with pytest.raises(ValueError, match=r"has 1796 examples .* got train=1700 and validation=200"):
        data.load(DataSpec(name="digits", train=1700, validation=200), 0)


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
    assert split.test.labels.tolist() == list(range(10))
    other = data.load(spec, 1)
    assert torch.equal(split.test.labels, other.test.labels)
    assert not torch.equal(split.train.labels, other.train.labels)


def test_standardisation_uses_the_training_set_alone(idx_folder):
    spec = DataSpec(name="fashion-mnist", path=str(idx_folder), train=20, validation=10)
    split = data.load(spec, 0)
    assert split.train.images.mean().abs() < 1e-5
    assert split.train.images.std() == pytest.approx(1.0, abs=1e-5)
    assert split.test.images.mean().abs() > 1e-5


def test_idx_files_that_are_missing_foreign_or_cut(tmp_path):
    spec = DataSpec(name="fashion-mnist", path=str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no file train-images-idx3-ubyte\.gz"):
        data.load(spec, 0)
    foreign, cut = tmp_path / "foreign", tmp_path / "cut"
    foreign.write_bytes(b"PNG!")
    with pytest.raises(ValueError, match=r"no IDX file of bytes: it starts with b'PNG!'"):
        sources.read_idx(foreign)
    cut.write_bytes(bytes([0, 0, 8, 1]) + struct.pack(">I", 5) + b"abc")
    with pytest.raises(ValueError, match=r"holds 3 values, its head says \(5,\)"):
        sources.read_idx(cut)


@pytest.fixture
def quiet_cache(tmp_path, monkeypatch):
    """`datasets` keeps what it has read in a cache of its own; not in the user's, here."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))


def _pictures(n: int, size: int = 32):
    image = pytest.importorskip("PIL.Image", reason="pillow decodes images")
    source = np.random.default_rng(1)
    return [image.fromarray(source.integers(0, 256, (size, size, 3), np.uint8)) for _ in range(n)]


def test_cifar10_from_local_parquet_files(tmp_path, quiet_cache):
    import datasets

    for part, n in (("train", 12), ("test", 5)):
        features = datasets.Features(
            img=datasets.Image(), label=datasets.ClassLabel(names=[str(i) for i in range(10)])
        )
        rows = {"img": _pictures(n), "label": [i % 10 for i in range(n)]}
        table = datasets.Dataset.from_dict(rows, features=features)
        table.to_parquet(str(tmp_path / f"{part}-00000-of-00001.parquet"))
    split = data.load(DataSpec(name="cifar10", path=str(tmp_path), train=8, validation=4), 0)
    assert [len(part) for part in split[:3]] == [8, 4, 5]
    assert split.shape == (3, 32, 32)
    assert split.classes == 10
    assert split.test.labels.tolist() == [0, 1, 2, 3, 4]


def test_an_image_folder_without_a_test_part_is_split(tmp_path, quiet_cache):
    for index, picture in enumerate(_pictures(20, size=8)):
        folder = tmp_path / "images" / ("cat" if index % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{index}.png")
    split = data.load(DataSpec(name="imagefolder", path=str(tmp_path / "images")), 0)
    assert [len(part) for part in split[:3]] == [14, 2, 4]
    assert split.classes == 2


def test_images_of_several_sizes_are_refused():
    with pytest.raises(ValueError, match=r"2 sizes, such as \(8, 8\) and \(9, 9\): resize"):
        sources._decoded([*_pictures(1, 8), *_pictures(1, 9)], grey=False)


def test_a_folder_without_parquet_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no train\*\.parquet"):
        data.load(DataSpec(name="parquet", path=str(tmp_path)), 0)


def test_parquet_files_without_images_name_their_columns(tmp_path, quiet_cache):
    import datasets

    table = datasets.Dataset.from_dict({"text": ["a"], "label": [0]})
    table.to_parquet(str(tmp_path / "train.parquet"))
    with pytest.raises(ValueError, match=r"columns \['label', 'text'\]: need 'img' or 'image'"):
        data.load(DataSpec(name="parquet", path=str(tmp_path)), 0)
