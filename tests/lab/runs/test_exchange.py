"""Records as JSON lines, and back."""

import gzip

import pytest
import synthetic

from sssam.lab.runs import exchange
from sssam.lab.runs import store as records

RECORDS = synthetic.records(seeds=range(2))[:7]


def test_json_lines_are_the_records(tmp_path):
    for name in ("all.jsonl", "all.jsonl.gz"):
        exchange.export(RECORDS, tmp_path / name)
        taken = exchange.take(tmp_path / name, tmp_path / f"of {name}")
        assert taken == (7, 0, ())
        stored = records.read_all(tmp_path / f"of {name}").by_id
        assert stored == {record.id: record for record in RECORDS}


def test_a_second_import_changes_nothing(tmp_path):
    exchange.export(RECORDS, tmp_path / "all.jsonl")
    exchange.take(tmp_path / "all.jsonl", tmp_path / "records")
    changed = [record.model_copy(update={"seconds": 99.0}) for record in RECORDS]
    exchange.export(changed, tmp_path / "other.jsonl")
    assert exchange.take(tmp_path / "other.jsonl", tmp_path / "records")[:2] == (0, 7)
    assert records.read_all(tmp_path / "records").by_id[RECORDS[0].id] == RECORDS[0]


def jsonl(given) -> bytes:
    return "".join(record.model_dump_json() + "\n" for record in given).encode()


@pytest.mark.parametrize("bad", [b'{"a": 1}', b"\xff\xfe", jsonl(RECORDS[2:3])[:100]])
def test_a_line_that_is_no_record_is_named_and_nothing_is_taken(tmp_path, bad):
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(jsonl(RECORDS[:2]) + b"\n" + bad)
    with pytest.raises(ValueError, match=r"mixed\.jsonl, line 4: torn or foreign"):
        exchange.take(path, tmp_path / "records")
    assert not (tmp_path / "records").exists()


def test_a_record_of_other_numbers_is_named_and_not_taken(tmp_path):
    exchange.export(RECORDS[:2], tmp_path / "all.jsonl")
    exchange.take(tmp_path / "all.jsonl", tmp_path / "records")
    other = RECORDS[1].model_copy(update={"test_accuracy": 0.5, "train_loss": 9.0})
    exchange.export([RECORDS[0], other, RECORDS[2]], tmp_path / "other.jsonl")
    taken = exchange.take(tmp_path / "other.jsonl", tmp_path / "records")
    assert taken == (1, 2, (f"{other.id} in train_loss, test_accuracy",))
    assert records.read_all(tmp_path / "records").by_id[other.id] == RECORDS[1]


def test_a_record_that_names_places_otherwise_is_the_same(tmp_path):
    exchange.export(RECORDS[:1], tmp_path / "all.jsonl")
    exchange.take(tmp_path / "all.jsonl", tmp_path / "records")
    method = RECORDS[0].run.method.model_copy(update={"label": "mine"})
    run = RECORDS[0].run.model_copy(update={"method": method})
    renamed = RECORDS[0].model_copy(update={"run": run, "environment": None})
    exchange.export([renamed], tmp_path / "other.jsonl")
    assert exchange.take(tmp_path / "other.jsonl", tmp_path / "records") == (0, 1, ())


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_file_without_records_is_an_error_and_leaves_nothing(tmp_path, content):
    path = tmp_path / "records.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="holds no record"):
        exchange.take(path, tmp_path / "records")
    assert not (tmp_path / "records").exists()


def test_a_compressed_file_may_have_any_name(tmp_path):
    exchange.export(RECORDS, tmp_path / "all.jsonl.gz")
    (tmp_path / "all.jsonl.gz").rename(tmp_path / "all.jsonl")
    assert exchange.take(tmp_path / "all.jsonl", tmp_path / "records").new == len(RECORDS)
    (tmp_path / "plain.gz").write_bytes(jsonl(RECORDS))
    assert exchange.take(tmp_path / "plain.gz", tmp_path / "other").new == len(RECORDS)


def test_a_torn_gzip_file_is_an_error(tmp_path):
    path = tmp_path / "all.jsonl.gz"
    path.write_bytes(gzip.compress(jsonl(RECORDS))[:-20])
    with pytest.raises(ValueError, match="is no whole gzip file"):
        exchange.take(path, tmp_path / "records")
