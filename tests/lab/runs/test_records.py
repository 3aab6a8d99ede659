import errno
import os
from pathlib import Path

import pytest
from tiny import BASE, SAM, run

from sssam.lab.runs import store as records
from sssam.lab.specs import Point, Record


def _record(seed: int = 0, **values) -> Record:
    return Record(run=run(BASE, seed), outcome="finished", test_accuracy=0.1 + 0.2, **values)


@pytest.fixture
def full_disk(monkeypatch):
    def fail(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda: monkeypatch.setattr(os, "fsync", fail)


def test_what_is_written_is_read_back_equal(tmp_path):
    curve = (Point(step=3, propagations=4.5, train_loss=None, validation_accuracy=1 / 3,
                   learning_rate=0.1),)  # fmt: skip
    written = [_record(0, curve=curve), _record(1)]
    for record in written:
        assert records.write(record, tmp_path / "new").name == f"{record.id}.json"
    found = records.read_all(tmp_path / "new")
    assert found.by_id == {record.id: record for record in written}
    assert found.bad_files == []


def test_a_directory_that_does_not_exist_has_no_records(tmp_path):
    assert records.read_all(tmp_path / "absent") == ({}, [])


def test_the_label_is_no_part_of_the_id():
    renamed = run(SAM.model_copy(update={"label": "other"}))
    assert renamed.id == run(SAM).id != run(BASE).id


def test_torn_and_foreign_files_are_named_and_lose_nothing(tmp_path):
    good = _record()
    path = records.write(good, tmp_path)
    (tmp_path / "torn.json").write_bytes(path.read_bytes()[:100])
    (tmp_path / "foreign.json").write_text('{"hello": 1}')
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "0123456789abcdef.json").write_bytes(path.read_bytes())
    (tmp_path / f".{path.name}.99.tmp").write_text("a writer was killed")
    found = records.read_all(tmp_path)
    assert found.by_id == {good.id: good}
    assert [bad.path.name for bad in found.bad_files] == [
        "0123456789abcdef.json",
        "foreign.json",
        "notes.txt",
        "torn.json",
    ]
    assert str(found.bad_files[0]).endswith(f"holds the record {good.id}, which its name denies")
    assert "torn or foreign" in str(found.bad_files[3])


def test_a_file_that_is_gone_when_it_is_read_is_passed_over(tmp_path, monkeypatch):
    kept, moved = _record(0), _record(1)
    records.write(kept, tmp_path)
    path, read_bytes = records.write(moved, tmp_path), Path.read_bytes

    def read(asked):
        path.unlink(missing_ok=True)  # as another process does that tries a failed run again
        return read_bytes(asked)

    monkeypatch.setattr(Path, "read_bytes", read)
    assert records.read_all(tmp_path) == ({kept.id: kept}, [])


def test_files_of_one_name_that_are_moved_are_all_kept(tmp_path):
    for content in ("first", "second"):
        (tmp_path / "torn.json").write_text(content)
        records.quarantine(records.read_all(tmp_path).bad_files)
    kept = sorted(path.read_text() for path in (tmp_path / "quarantine").glob("torn.json.*"))
    assert kept == ["first", "second"]
    assert records.read_all(tmp_path).bad_files == []


def test_a_full_disk_is_a_clear_error_and_earlier_records_survive(tmp_path, full_disk):
    first, second = _record(0), _record(1)
    records.write(first, tmp_path)
    full_disk()
    text = r"record \w+\.json could not be written: No space left .* Earlier records are safe"
    with pytest.raises(OSError, match=text) as caught:
        records.write(second, tmp_path)
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(OSError, match="No space left"):
        records.write(first.model_copy(update={"steps": 9}), tmp_path)
    assert records.read_all(tmp_path).by_id == {first.id: first}
    assert [path.name for path in tmp_path.iterdir()] == [f"{first.id}.json"]
