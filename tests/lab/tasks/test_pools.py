"""Tables: numbers scaled, categories one-hot, one column the classes."""

import pandas
import pytest
import torch

from sssam.lab.specs import DataSpec
from sssam.lab.specs.seeds import generator
from sssam.lab.tasks import splits as data

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
    pool = torch.randperm(10, generator=generator("test pool"))  # a fifth is the test set
    order = torch.cat([pool[2:][torch.randperm(8, generator=generator("split", 0))], pool[:2]])
    assert split.form[:2] == ((5,), 2)
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
        (TABLE, None, r"columns size, colour, when, kind, none .* label.*, as in table.csv:kind"),
        (TABLE, "kin", "unknown column of .*table.csv' 'kin': did you mean 'kind'"),
        (TABLE, "size", "1 labels in 'size' are missing: leave those rows out"),
        ("a,target\n1,0.5\n2,1.5\n", None, "'target' are numbers such as 0.5, need classes"),
        ("target\n1\n2\n", None, "has one column, 'target': need inputs and a label"),
        ("", None, "table.csv' can't be read: No columns to parse"),
        ('a,b\n1,2\n"', None, "table.csv' can't be read: Error tokenizing"),
        (
            "a,y\n1,0\n2,0\n",
            None,
            "labels in 'y' are all 0: need two classes",
        ),
        ("a,y\n", None, "table.csv' can't be read: "),
        ("a;y\n1;0\n", None, "has columns a;y, none of them a label"),
        ("a,b,y\n1,inf,0\n2,3,1\n", None, "column 'b' holds infinite numbers: leave those cells"),
        ("é,y\n1,0\n", None, r"table.csv' can't be read: .*: save the file as text in UTF-8"),
    ],
)
def test_tables_that_can_t_be_used(tmp_path, content, target, text):
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=text):
        data.train_size(DataSpec(name="table", path=str(path), target=target))


def test_parquet_tables_may_name_columns_by_numbers_and_torn_ones_are_named(tmp_path):
    path = tmp_path / "table.parquet"
    pandas.DataFrame({0: [1.0, 2.0] * 5, 1: [0, 1] * 5}).to_parquet(path)
    split = data.load(DataSpec(name="table", path=str(path), target="1"), 0)
    assert split.form[:2] == ((1,), 2)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"table\.parquet' can't be read: "):
        data.train_size(DataSpec(name="table", path=str(path), target="1"))


def test_a_column_of_dates_is_refused(tmp_path):
    frame = pandas.DataFrame({"day": pandas.to_datetime(["2020-01-01"] * 4), "y": [0, 1, 0, 1]})
    frame.to_parquet(tmp_path / "table.parquet")
    with pytest.raises(ValueError, match="column 'day' holds values of type timestamp"):
        data.train_size(DataSpec(name="table", path=str(tmp_path / "table.parquet")))


def test_data_are_read_once_a_process_and_anew_when_their_file_changed(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    data._read.cache_clear()
    spec = DataSpec(name="table", path=str(path), target="kind", train=6, validation=2)
    for changed in ({}, {"train": 5}, {"label_noise": 0.5}):
        for seed in range(2):
            data.load(spec.model_copy(update=changed), seed)
    assert data._read.cache_info().misses == 1
    path.write_text(TABLE + "11,red,22,b\n")
    data.load(spec, 0)
    assert data._read.cache_info().misses == 2
