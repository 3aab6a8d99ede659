import errno
import os
from functools import partial

import pytest
from tiny import BASE, TASK, run, same_but_times

from sssam.lab.runs import claims, dispatch, worker
from sssam.lab.runs import store as records
from sssam.lab.runs.worker import Settings
from sssam.lab.specs import DataSpec, Method, Record, Run
from sssam.lab.training import checkpoints
from sssam.lab.training.train import train
from sssam.runtime import files


def raising_on_seed_1(wanted: Run, **_) -> Record:
    raise ArithmeticError(f"seed {wanted.seed} is unlucky")


def leaving(wanted: Run, **_) -> Record:
    raise SystemExit(3)


RUNS = [run(BASE, seed) for seed in range(4)]


def test_only_what_is_missing_is_trained(tmp_path):
    reported: list[Record] = []
    dispatch.run_missing(RUNS[:2], tmp_path, on_record=reported.append)
    found = dispatch.run_missing([*RUNS, RUNS[0]], tmp_path, on_record=reported.append)
    assert [record.run for record in reported] == RUNS
    assert list(found.by_id) == [wanted.id for wanted in RUNS]


def test_a_record_without_the_test_set_answers_only_those_who_leave_it_out(tmp_path):
    without = Settings(test=False)
    (chosen,) = dispatch.run_missing(RUNS[:1], tmp_path, without).by_id.values()
    assert chosen.validation_accuracy is not None
    assert (chosen.test_accuracy, chosen.test_size, chosen.test_hash) == (None, 0, "")
    assert dispatch.missing(RUNS[:1], {chosen.id: chosen}, without) == []
    assert dispatch.missing(RUNS[:1], {chosen.id: chosen}) == RUNS[:1]
    (whole,) = dispatch.run_missing(RUNS[:1], tmp_path).by_id.values()
    assert whole.test_accuracy is not None
    assert [p.validation_accuracy for p in whole.curve] == [
        p.validation_accuracy for p in chosen.curve
    ]
    assert dispatch.run_missing(RUNS[:1], tmp_path, without).by_id == {whole.id: whole}


@pytest.mark.parametrize("engine", ["here", pytest.param("local:2", marks=pytest.mark.slow)])
def test_ctrl_c_leaves_what_is_finished_and_the_same_call_goes_on(tmp_path, engine):
    def interrupt(_: Record) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dispatch.run_missing(RUNS, tmp_path, engine=engine, on_record=interrupt)
    before = records.read_all(tmp_path)
    assert 1 <= len(before.by_id) < len(RUNS)
    after = dispatch.run_missing(RUNS, tmp_path, engine=engine)
    assert len(after.by_id) == len(RUNS)
    assert all(after.by_id[id_] == record for id_, record in before.by_id.items())


def test_a_run_that_was_cut_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    seen: list[int] = []

    def cut(curve) -> None:
        if len(curve) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(worker, "train", partial(train, on_epoch=cut))
    with pytest.raises(KeyboardInterrupt):
        dispatch.run_missing(RUNS[:1], tmp_path / "cut", settings=Settings(checkpoint_seconds=0))
    checkpoint = worker.checkpoint_path(RUNS[0], tmp_path / "cut")
    assert checkpoint.exists()
    noted = partial(train, on_epoch=lambda curve: seen.append(len(curve)))
    monkeypatch.setattr(worker, "train", noted)
    found = dispatch.run_missing(RUNS[:1], tmp_path / "cut")
    monkeypatch.setattr(worker, "train", train)
    uncut = dispatch.run_missing(RUNS[:1], tmp_path / "uncut")
    assert seen == [3]
    assert not checkpoint.exists()
    for id_, record in uncut.by_id.items():
        assert same_but_times(found.by_id[id_]) == same_but_times(record)


def test_a_checkpoint_that_is_torn_is_quarantined(tmp_path):
    checkpoint = worker.checkpoint_path(RUNS[0], tmp_path)
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"torn")
    found = dispatch.run_missing(RUNS[:1], tmp_path)
    assert found.failed() == []
    (moved,) = (checkpoint.parent / "quarantine").iterdir()
    assert moved.read_bytes() == b"torn"


def test_a_checkpoint_that_cannot_be_written_stops_the_study(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(files, "save", full)
        with pytest.raises(checkpoints.CheckpointError, match=r"could not be written: No space"):
            dispatch.run_missing(RUNS[:1], tmp_path, settings=Settings(checkpoint_seconds=0))
    assert dispatch.run_missing(RUNS[:1], tmp_path).failed() == []


def test_short_runs_write_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "save", None)
    assert dispatch.run_missing(RUNS[:1], tmp_path).failed() == []


def test_a_run_that_another_process_has_is_waited_for(tmp_path):
    wanted, seen = RUNS[0], []

    def other(record: Record) -> None:
        """Ends the other process's claim once all else is done."""
        seen.append(record.run)
        if len(seen) == 3:
            claim.__exit__(None, None, None)

    claim = claims.claim(wanted.id, tmp_path)
    assert claim.__enter__()
    dispatch.run_missing(RUNS, tmp_path, on_record=other)
    assert seen == [*RUNS[1:], wanted]


def test_a_record_that_another_process_wrote_is_taken(tmp_path):
    theirs = Record(run=RUNS[1], outcome="finished", test_accuracy=0.5)

    def write(_: Record) -> None:
        records.write(theirs, tmp_path)

    found = dispatch.run_missing(RUNS[:2], tmp_path, on_record=write)
    assert found.by_id[theirs.id] == theirs


def test_a_run_that_raises_is_a_failed_record(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(worker, "train", raising_on_seed_1)
        failed = dispatch.run_missing([RUNS[1]], tmp_path).by_id[RUNS[1].id]
    assert failed.outcome == "failed"
    assert "ArithmeticError: seed 1 is unlucky" in failed.error
    assert dispatch.run_missing([RUNS[1]], tmp_path).by_id[RUNS[1].id] == failed


def test_a_task_that_leaves_the_process_is_a_failed_record(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "train", leaving)
    failed = dispatch.run_missing(RUNS[:1], tmp_path).failed()
    assert "SystemExit: 3" in failed[0].error


def test_a_full_disk_stops_the_study_and_keeps_what_was_written(tmp_path, monkeypatch):
    dispatch.run_missing(RUNS[:1], tmp_path)

    def fail(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Earlier records are safe"):
            dispatch.run_missing(RUNS, tmp_path)
    assert len(records.read_all(tmp_path).by_id) == 1
    assert len(dispatch.run_missing(RUNS, tmp_path).by_id) == 4


def test_torn_records_are_quarantined_and_trained_anew(tmp_path):
    dispatch.run_missing(RUNS[:1], tmp_path)
    path = tmp_path / f"{RUNS[0].id}.json"
    torn = path.read_bytes()[:50]
    path.write_bytes(torn)
    found = dispatch.run_missing(RUNS[:1], tmp_path)
    assert [bad.path.name for bad in found.bad_files] == [path.name]
    (moved,) = (tmp_path / "quarantine").iterdir()
    assert moved.read_bytes() == torn
    assert list(found.by_id) == [RUNS[0].id]


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (run(Method(label="x", kind="sssam")), ValueError, "needs a schedule"),
        (
            run(task=TASK.model_copy(update={"data": DataSpec(name="digit")})),
            ValueError,
            "unknown data 'digit': did you mean 'digits'",
        ),
        (
            run(task=TASK.model_copy(update={"data": DataSpec(name="cifar10", path="/absent")})),
            FileNotFoundError,
            "data path '/absent' does not exist",
        ),
        (
            run(task=TASK.model_copy(update={"data": DataSpec(name="digits", train=1797)})),
            ValueError,
            "has 1438 examples .* got train=1797",
        ),
    ],
)
def test_bad_runs_are_refused_before_any_training(tmp_path, wrong, error, text):
    with pytest.raises(error, match=text):
        dispatch.run_missing([RUNS[0], wrong], tmp_path)
    assert list(tmp_path.iterdir()) == []
