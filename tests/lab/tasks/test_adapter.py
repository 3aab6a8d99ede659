"""What `datasets.load_dataset` reads: images and tables, from files or from the hub."""

import os
import subprocess
import sys

import datasets
import numpy as np
import pytest
import torch

from sssam.lab.specs import DataSpec
from sssam.lab.tasks import adapter
from sssam.lab.tasks import splits as data


def _pictures(n: int, size: int = 32):
    image = pytest.importorskip("PIL.Image", reason="pillow decodes images")
    source = np.random.default_rng(1)
    return [image.fromarray(source.integers(0, 256, (size, size, 3), np.uint8)) for _ in range(n)]


def test_cifar10_from_local_parquet_files(tmp_path):
    for part, n in (("train", 12), ("test", 5)):
        features = datasets.Features(
            img=datasets.Image(), label=datasets.ClassLabel(names=[str(i) for i in range(10)])
        )
        rows = {"img": _pictures(n), "label": [i % 10 for i in range(n)]}
        table = datasets.Dataset.from_dict(rows, features=features)
        table.to_parquet(str(tmp_path / f"{part}-00000-of-00001.parquet"))
    split = data.load(DataSpec(name="cifar10", path=str(tmp_path), train=8, validation=4), 0)
    assert [len(part) for part in split[:3]] == [8, 4, 5]
    assert split.form[:2] == ((3, 32, 32), 10)
    assert split.test.targets.tolist() == [0, 1, 2, 3, 4]


def test_an_image_folder_without_a_test_part_is_split(tmp_path):
    for index, picture in enumerate(_pictures(20, size=8)):
        folder = tmp_path / "images" / ("cat" if index % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{index}.png")
    split = data.load(DataSpec(name="folder", path=str(tmp_path / "images")), 0)
    assert [len(part) for part in split[:3]] == [14, 2, 4]
    assert split.form.classes == 2


def test_images_that_all_lie_in_one_folder_have_no_classes(tmp_path):
    for index, picture in enumerate(_pictures(4, size=8)):
        picture.save(tmp_path / f"{index}.png")
    with pytest.raises(ValueError, match=r"columns image, none of .* a folder for each class"):
        data.train_size(DataSpec(name="folder", path=str(tmp_path)))
    lines = [f'{{"file_name": "{index}.png", "label": {index % 2}}}\n' for index in range(4)]
    (tmp_path / "metadata.jsonl").write_text("".join(lines))
    assert data.load(DataSpec(name="folder", path=str(tmp_path)), 0).form.classes == 2


def test_labels_that_are_missing_are_counted(tmp_path):
    rows = {"a": [1, 2] * 4, "label": [0, None] * 4}
    datasets.Dataset.from_dict(rows).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(ValueError, match="4 labels in 'label' are missing: leave those rows out"):
        data.train_size(DataSpec(name="folder", path=str(tmp_path)))


def _decoding(pictures):
    rows = datasets.Dataset.from_dict({"img": pictures}).cast_column("img", datasets.Image())
    return adapter._decoding(rows, "img")


def test_images_of_several_sizes_are_refused():
    each = _decoding([*_pictures(1, 8), *_pictures(1, 9)])
    each(torch.tensor([0]))
    with pytest.raises(ValueError, match=r"several sizes, such as \(8, 8\) and \(9, 9\): resize"):
        each(torch.tensor([0, 1]))


def test_files_that_are_torn_and_a_hub_out_of_reach_name_their_place(tmp_path, monkeypatch):
    rows = {"a": [f"{i}" * 9 for i in range(999)], "label": [0, 1, 0] * 333}
    datasets.Dataset.from_dict(rows).to_parquet(tmp_path / "train.parquet")
    whole = (tmp_path / "train.parquet").read_bytes()
    for torn in (whole[:9], whole[:99] + bytes(999) + whole[1098:]):
        (tmp_path / "train.parquet").write_bytes(torn)
        with pytest.raises(ValueError, match=rf"data '{tmp_path}' can't be read: \w+") as raised:
            data.train_size(DataSpec(name="folder", path=str(tmp_path)))
        assert "An error occurred while generating" not in str(raised.value)

    def unreachable(*words, **named):
        raise ConnectionError("Couldn't reach 'uoft-cs/cifar10' on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(ConnectionError, match=r"reach 'uoft-cs.*: go on when .* a folder"):
        data.train_size(DataSpec(name="cifar10"))


def test_a_test_part_without_labels_is_left_for_the_validation_part(monkeypatch):
    parts = {
        name: datasets.Dataset.from_dict({"a": [1.0, 2.0, 3.0], "label": labels})
        for name, labels in (("train", [0, 1, 0]), ("validation", [1, 0, 1]), ("test", [-1] * 3))
    }
    asked = []

    def loaded(*words, **named):
        asked.append((*words, named))
        return parts

    monkeypatch.setattr(datasets, "load_dataset", loaded)
    data._read.cache_clear()
    split = data.load(DataSpec(name="hub:org/glue/sst2", train=2, validation=1), 0)
    assert asked == [("org/glue", {"name": "sst2"})]
    assert split.test.targets.tolist() == [1, 0, 1]


def test_names_on_the_hub_have_an_organisation_and_perhaps_a_configuration():
    with pytest.raises(ValueError, match="'hub:a/b/c/d': write hub:ORGANISATION/NAME"):
        data.check(DataSpec(name="hub:a/b/c/d"))
    with pytest.raises(ValueError, match="'digits' takes no target, got 'x'"):
        data.check(DataSpec(name="digits", target="x"))


def test_images_are_their_pixels_in_the_order_of_the_index():
    pictures = _pictures(9, 4)
    index = torch.tensor([3, 1, 3, 8])
    expected = np.stack([np.asarray(pictures[i]) for i in index]).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(_decoding(pictures)(index), expected, rtol=1e-6)


OFFLINE = """
import socket, sys
def refused(*given): raise RuntimeError("a connection was tried")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refused
from sssam.lab.specs import DataSpec
from sssam.lab.tasks import splits
for name, path in (("folder", "images"), ("table", "table.csv")):
    print(splits.load(DataSpec(name=name, path=sys.argv[1] + "/" + path), 0).form.kind)
"""


def test_local_files_are_read_without_a_network_or_a_bar(tmp_path):
    for kind in ("cat", "dog"):
        (tmp_path / "images" / kind).mkdir(parents=True)
        for i, picture in enumerate(_pictures(4, size=8)):
            picture.save(tmp_path / "images" / kind / f"{i}.png")
    (tmp_path / "table.csv").write_text("a,y\n" + "1,0\n2,1\n" * 10)
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "HF_DATASETS_CACHE": str(tmp_path / "cache")},
    )
    assert done.stdout.split() == ["images", "features"], done.stderr
    assert done.stderr == ""
