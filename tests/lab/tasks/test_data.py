import gzip
import struct
from pathlib import Path

import datasets
import numpy as np
import pandas
import pytest
import torch
from sklearn.datasets import load_digits

from sssam.lab.specs import DataSpec
from sssam.lab.specs.seeds import generator
from sssam.lab.tasks import hub, idx, pools, splits
from sssam.lab.tasks import splits as data
from sssam.lab.tasks.examples import fingerprint
from sssam.lab.tasks.sources import SOURCES

NOISY = DataSpec(name="digits", train=1000, validation=200, label_noise=0.4)


def _hash(split):
    return fingerprint([split.train, split.validation, split.test])


def test_digits_split_has_the_sizes_of_the_task_and_no_example_twice():
    split = data.load(NOISY, seed=0)
    assert [len(part) for part in split[:3]] == [1000, 200, 597]
    assert split.shape == (1, 8, 8)
    assert split.classes == 10
    everything = torch.cat([part.inputs.flatten(1) for part in split[:3]])
    expected = torch.from_numpy(load_digits().data).float() / 16
    assert sorted(everything.tolist()) == sorted(expected.tolist())


def test_equal_seeds_give_equal_splits_and_others_other_ones():
    same, other = data.load(NOISY, seed=3), data.load(NOISY, seed=4)
    assert _hash(data.load(NOISY, seed=3)) == _hash(same)
    assert _hash(same) != _hash(other)


def test_noise_redraws_a_share_of_training_labels_and_no_others():
    clean, noisy = data.load(NOISY.model_copy(update={"label_noise": 0.0}), 0), data.load(NOISY, 0)
    assert torch.equal(clean.train.inputs, noisy.train.inputs)
    wrong = (clean.train.targets != noisy.train.targets).double().mean().item()
    assert wrong == pytest.approx(0.4 * 0.9, abs=4 * (0.36 * 0.64 / 1000) ** 0.5)
    assert torch.equal(clean.validation.targets, noisy.validation.targets)
    assert torch.equal(clean.test.targets, noisy.test.targets)


def test_all_labels_redrawn_are_uniform_over_the_classes():
    split = data.load(NOISY.model_copy(update={"label_noise": 1.0}), 0)
    counts = split.train.targets.bincount(minlength=10).double()
    assert ((counts - 100) ** 2 / 100).sum() < 27.9  # chi-square, 9 degrees of freedom, p = 0.001


def test_the_global_generator_is_neither_read_nor_moved():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = _hash(data.load(NOISY, 0))
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert _hash(data.load(NOISY, 0)) == one


def test_the_fingerprint_is_of_every_label_and_image(tmp_path):
    labels, images = torch.arange(4), torch.rand(4, 1, 2, 2)
    kept = {"labels": labels, "images": images}
    other = {"labels": torch.tensor([0, 1, 2, 2])}, {"images": images + torch.eye(2)}
    found = [_content_of(kept | change) for change in ({}, {}, *other)]
    assert found[0] == found[1]
    assert len(set(found)) == 3


def _content_of(kept):
    rows = [image.numpy().tobytes() for image in kept["images"]]
    return pools.Pool(kept["labels"], kept["images"].__getitem__, 4, lambda: rows).content


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
    assert split.test.targets.tolist() == list(range(10))
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


@pytest.fixture
def quiet_cache(tmp_path, monkeypatch):
    """`datasets` keeps what it has read in a cache of its own; not in the user's, here."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))


def _pictures(n: int, size: int = 32):
    image = pytest.importorskip("PIL.Image", reason="pillow decodes images")
    source = np.random.default_rng(1)
    return [image.fromarray(source.integers(0, 256, (size, size, 3), np.uint8)) for _ in range(n)]


def test_cifar10_from_local_parquet_files(tmp_path, quiet_cache):
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
    assert split.test.targets.tolist() == [0, 1, 2, 3, 4]


def test_an_image_folder_without_a_test_part_is_split(tmp_path, quiet_cache):
    for index, picture in enumerate(_pictures(20, size=8)):
        folder = tmp_path / "images" / ("cat" if index % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{index}.png")
    split = data.load(DataSpec(name="imagefolder", path=str(tmp_path / "images")), 0)
    assert [len(part) for part in split[:3]] == [14, 2, 4]
    assert split.classes == 2


def test_images_that_all_lie_in_one_folder_have_no_classes(tmp_path, quiet_cache):
    for index, picture in enumerate(_pictures(4, size=8)):
        picture.save(tmp_path / f"{index}.png")
    with pytest.raises(ValueError, match="all its images in one folder: put those of each class"):
        data.reach(DataSpec(name="imagefolder", path=str(tmp_path)))
    lines = [f'{{"file_name": "{index}.png", "label": {index % 2}}}\n' for index in range(4)]
    (tmp_path / "metadata.jsonl").write_text("".join(lines))
    assert data.load(DataSpec(name="imagefolder", path=str(tmp_path)), 0).classes == 2


def test_labels_that_are_missing_are_counted(tmp_path, quiet_cache):
    rows = {"text": ["a", "b"] * 4, "label": [0, None] * 4}
    datasets.Dataset.from_dict(rows).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(ValueError, match="4 labels in 'label' are missing: leave those rows out"):
        data.reach(DataSpec(name="parquet", path=str(tmp_path)))


def test_images_of_several_sizes_are_refused():
    pictures = [*_pictures(1, 8), *_pictures(1, 9)]
    with pytest.raises(ValueError, match=r"several sizes, such as \(8, 8\) and \(9, 9\): resize"):
        hub.decoded(pictures, grey=False)
    one_by_one = pools.Decoded(lambda index: hub.decoded([pictures[i] for i in index], False), 2)
    with pytest.raises(ValueError, match="resize them to one size"):
        one_by_one(torch.tensor([1]))


def test_a_folder_without_parquet_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no train\*\.parquet"):
        data.load(DataSpec(name="parquet", path=str(tmp_path)), 0)


def test_files_that_are_torn_and_a_hub_out_of_reach_are_told_with_their_place(
    tmp_path, quiet_cache, monkeypatch
):
    rows = {"text": [f"{i}" * 9 for i in range(999)], "label": [0, 1, 0] * 333}
    datasets.Dataset.from_dict(rows).to_parquet(tmp_path / "train.parquet")
    whole = (tmp_path / "train.parquet").read_bytes()
    for torn in (whole[:9], whole[:99] + bytes(999) + whole[1098:]):
        (tmp_path / "train.parquet").write_bytes(torn)
        with pytest.raises(ValueError, match=rf"data '{tmp_path}' can't be read: \w+") as raised:
            data.reach(DataSpec(name="parquet", path=str(tmp_path)))
        assert "An error occurred while generating" not in str(raised.value)

    def unreachable(*words, **named):
        raise ConnectionError("Couldn't reach 'uoft-cs/cifar10' on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(ConnectionError, match=r"reach 'uoft-cs.*: go on when .* a folder"):
        data.reach(DataSpec(name="cifar10"))


def test_parquet_files_of_neither_images_nor_text_name_their_columns(tmp_path, quiet_cache):
    datasets.Dataset.from_dict({"x": [1.0], "label": [0]}).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(ValueError, match=r"columns \['label', 'x'\]: need one of images or one of"):
        data.load(DataSpec(name="parquet", path=str(tmp_path)), 0)


def test_texts_with_labels_become_bytes_of_one_length(tmp_path, quiet_cache):
    columns = {"text": ["good", "bad"] * 10, "mood": ["up", "down"] * 10}
    datasets.Dataset.from_dict(columns).to_parquet(tmp_path / "train.parquet")
    spec = DataSpec(name="parquet", path=str(tmp_path), target="mood", length=4, label_noise=0.5)
    split = data.load(spec, 0)
    assert (split.classes, split.vocabulary, split.each_position) == (2, 256, False)
    held = {bytes(row.tolist()): label for row, label in zip(*_both(split.test), strict=True)}
    assert held == {b"good": 1, b"\0bad": 0}
    with pytest.raises(ValueError, match=r"need one of images or one of text .* 'temper'"):
        data.load(spec.model_copy(update={"target": "temper"}), 0)


def _both(examples):
    return examples.inputs, examples.targets.tolist()


def test_a_test_part_without_labels_is_left_for_the_validation_part(monkeypatch):
    parts = {
        name: datasets.Dataset.from_dict({"sentence": ["a", "b", "c"], "label": labels})
        for name, labels in (("train", [0, 1, 0]), ("validation", [1, 0, 1]), ("test", [-1] * 3))
    }
    asked = []

    def loaded(*words, **named):
        asked.append((*words, named))
        return parts

    monkeypatch.setattr(datasets, "load_dataset", loaded)
    splits._read.cache_clear()
    split = data.load(DataSpec(name="hub:org/glue/sst2", train=2, validation=1, length=2), 0)
    assert asked == [("org/glue", {"name": "sst2"})]
    assert split.test.targets.tolist() == [1, 0, 1]
    assert split.test.inputs.tolist() == [[0, 97], [0, 98], [0, 99]]


def test_names_on_the_hub_have_an_organisation_and_perhaps_a_configuration():
    with pytest.raises(ValueError, match="'hub:a/b/c/d': write hub:ORGANISATION/NAME"):
        data.check(DataSpec(name="hub:a/b/c/d"))
    with pytest.raises(ValueError, match="'digits' takes no target, got 'x'"):
        data.check(DataSpec(name="digits", target="x"))
    with pytest.raises(ValueError, match="'cifar100' takes no length, got 3"):
        data.check(DataSpec(name="cifar100", length=3))


def test_images_are_decoded_once_and_equal_those_decoded_anew(monkeypatch):
    pictures, asked = torch.randint(256, (9, 3, 4, 4), dtype=torch.uint8), []

    def decode(index):
        asked.extend(index.tolist())
        return pictures[index]

    kept = pools.Decoded(decode, 9)
    for index in (torch.tensor([3, 1, 3]), torch.tensor([1, 8]), torch.empty(0, dtype=torch.long)):
        assert torch.equal(kept(index), pictures[index] / 255)
    assert sorted(asked) == [0, 1, 3, 8]
    monkeypatch.setattr(pools, "LARGEST_KEPT", 9 * 3 * 16 - 1)
    asked.clear()
    anew = pools.Decoded(decode, 9)
    for _ in range(2):
        assert torch.equal(anew(torch.tensor([3])), pictures[3:4] / 255)
    assert asked == [0, 3, 0, 3]


def test_data_are_read_once_a_process_and_anew_when_their_file_changed(tmp_path, monkeypatch):
    path, asked = tmp_path / "table.csv", []
    path.write_text(TABLE)

    def read(spec):
        asked.append(spec)
        return source.read(spec)

    source = SOURCES["table"]
    monkeypatch.setitem(SOURCES, "table", source._replace(read=read))
    spec = DataSpec(name="table", path=str(path), target="kind", train=6, validation=2)
    for changed in ({}, {"train": 5}, {"label_noise": 0.5}):
        for seed in range(2):
            data.load(spec.model_copy(update=changed), seed)
    assert len(asked) == 1
    path.write_text(TABLE + "11,red,22,b\n")
    data.load(spec, 0)
    assert len(asked) == 2


def test_data_that_changed_since_a_run_was_planned_are_refused(tmp_path):
    file = tmp_path / "book.txt"
    file.write_bytes(bytes(range(256)) * 8)
    spec = data.identified(DataSpec(name="text", path=str(file), length=16))
    data.load(spec, 0)
    file.write_bytes(bytes(range(255)) * 8)
    with pytest.raises(ValueError, match="'text' changed since this run was planned"):
        data.load(spec, 0)


def test_text_is_cut_into_pieces_whose_labels_are_the_next_bytes(tmp_path):
    file, content = tmp_path / "book.txt", torch.arange(1000).remainder(251).to(torch.uint8)
    file.write_bytes(content.numpy().tobytes())
    split = data.load(DataSpec(name="text", path=str(file), length=9), 0)
    assert [len(part) for part in split[:3]] == [90, 10, 11]
    assert (split.shape, split.classes, split.vocabulary, split.each_position) == (
        (9,),
        256,
        256,
        True,
    )
    for part in split[:3]:
        assert torch.equal(part.inputs[:, 1:], part.targets[:, :-1])
    assert torch.equal(split.test.inputs.flatten(), content[900:999])
    assert torch.equal(split.test.targets.flatten(), content[901:1000])
    with pytest.raises(ValueError, match=r"takes no label noise, got 0\.1"):
        data.reach(DataSpec(name="text", path=str(file), length=9, label_noise=0.1))
    with pytest.raises(ValueError, match="hold 1000 bytes, need at least 1281"):
        data.reach(DataSpec(name="text", path=str(file)))


TABLE = """size,colour,when,kind
1,red,2,b
2,blue,4,a
3,,6,b
,red,8,a
5,blue,10,b
6,red,12,a
7,red,14,b
8,red,16,a
9,red,18,b
10,red,20,a
"""


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_has_scaled_numbers_and_one_column_a_category(tmp_path, ending):
    path = tmp_path / f"table.{ending}"
    (tmp_path / "table.csv").write_text(TABLE)
    if ending == "parquet":
        pandas.read_csv(tmp_path / "table.csv").to_parquet(path)
    spec = DataSpec(name="table", path=str(path), target="kind", train=6, validation=2)
    split, rows = data.load(spec, 0), pandas.read_csv(tmp_path / "table.csv")
    order = torch.randperm(10, generator=generator("split", 0))
    assert split.shape == (5,)
    assert split.classes == 2
    assert split.train.targets.tolist() == [int(rows.kind[int(i)] == "b") for i in order[:6]]
    training = rows.iloc[order[:6].numpy()]
    when = (rows.when - training.when.mean()) / training.when.std(ddof=0)
    size = ((rows["size"] - training["size"].mean()) / training["size"].std(ddof=0)).fillna(0)
    for part, index in zip(split[:3], order.split([6, 2, 2]), strict=True):
        for row, i in zip(part.inputs, index.tolist(), strict=True):
            colour = rows.colour.fillna("missing")[i]
            expected = [size[i], when[i], *(float(colour == c) for c in ("blue", "missing", "red"))]
            assert row.tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("content", "target", "text"),
    [
        (TABLE, None, r"has columns size, colour, when, kind: name .* as in table.csv:kind"),
        (TABLE, "kin", "unknown column of .*table.csv' 'kin': did you mean 'kind'"),
        (TABLE, "size", "1 rows have no target 'size': leave them out"),
        ("a,target\n1,0.5\n2,1.5\n", None, "'target' holds numbers such as 0.5, need classes"),
        ("target\n1\n2\n", None, "the table has no features"),
        ("", None, "is no table: No columns to parse"),
        ('a,b\n1,2\n"', None, "is no table: Error tokenizing"),
        (
            "a,y\n1,0\n2,0\n",
            None,
            "target 'y' of .*table.csv' has 0 in every row: need two classes",
        ),
        ("a,y\n", None, "target 'y' of .*table.csv' has no rows"),
        ("a;y\n1;0\n", None, "has one column, 'a;y': need features and a target; commas part"),
        ("a,b,y\n1,inf,0\n2,3,1\n", None, "column 'b' holds infinite numbers: leave those cells"),
        ("é,y\n1,0\n", None, r"table.csv' is no UTF-8 \(.*: save the file as text in UTF-8"),
    ],
)
def test_tables_that_can_t_be_used(tmp_path, content, target, text):
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=text):
        data.reach(DataSpec(name="table", path=str(path), target=target))


def test_parquet_tables_may_name_columns_by_numbers_and_torn_ones_are_named(tmp_path):
    path = tmp_path / "table.parquet"
    pandas.DataFrame({0: [1.0, 2.0] * 5, 1: [0, 1] * 5}).to_parquet(path)
    split = data.load(DataSpec(name="table", path=str(path), target="1"), 0)
    assert (split.shape, split.classes) == ((1,), 2)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"table\.parquet' is no table: "):
        data.reach(DataSpec(name="table", path=str(path), target="1"))


def test_a_column_of_dates_is_refused(tmp_path):
    frame = pandas.DataFrame({"day": pandas.to_datetime(["2020-01-01"] * 4), "y": [0, 1, 0, 1]})
    frame.to_parquet(tmp_path / "table.parquet")
    with pytest.raises(ValueError, match="column 'day' holds dates"):
        data.reach(DataSpec(name="table", path=str(tmp_path / "table.parquet")))
