import errno
import os
import signal

import pytest
from tiny import BASE, SAM, SSSAM, TASK, run

from sssam.lab import records, study
from sssam.lab.specs import DataSpec, Method, Record, Run

train_and_write = study._run


def raising_on_seed_1(wanted: Run, **_) -> Record:
    raise ArithmeticError(f"seed {wanted.seed} is unlucky")


def dying_on_seed_1(wanted: Run, directory, on_epoch=None) -> Record:
    if wanted.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return train_and_write(wanted, directory, on_epoch)


def dying_twice(wanted: Run, directory, on_epoch=None) -> Record:
    """Seed 1 dies before it is trained, the first time; seed 3 when its record is written."""
    first_time = directory.parent / "died"
    if wanted.seed == 1 and not first_time.exists():
        first_time.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    record = train_and_write(wanted, directory, on_epoch)
    if wanted.seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return record


RUNS = [run(BASE, seed) for seed in range(4)]


def test_only_what_is_missing_is_trained(tmp_path):
    told: list[study.Progress] = []
    study.run_missing(RUNS[:2], tmp_path, on_progress=told.append)
    found = study.run_missing([*RUNS, RUNS[0]], tmp_path, on_progress=told.append)
    assert [(each.done, each.total) for each in told] == [(1, 2), (2, 2), (1, 2), (2, 2)]
    assert [each.record.run for each in told] == RUNS
    assert set(found.by_id) == {wanted.id for wanted in RUNS}


def test_processes_give_the_records_that_one_process_gives(tmp_path):
    runs = [run(method, seed) for seed in range(2) for method in (BASE, SAM, SSSAM)]
    alone = study.run_missing(runs, tmp_path / "one", jobs=1).by_id
    together = study.run_missing(runs, tmp_path / "two", jobs=2).by_id
    timeless = {"seconds": 0.0, "environment": None}
    assert list(together) == list(alone)
    for id_ in alone:
        assert together[id_].model_copy(update=timeless) == alone[id_].model_copy(update=timeless)
    assert together[runs[0].id].environment.threads == 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_leaves_what_is_finished_and_the_same_call_goes_on(tmp_path, jobs):
    def interrupt(_: study.Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.run_missing(RUNS, tmp_path, jobs=jobs, on_progress=interrupt)
    before = records.read_all(tmp_path)
    assert 1 <= len(before.by_id) < len(RUNS)
    after = study.run_missing(RUNS, tmp_path, jobs=jobs)
    assert len(after.by_id) == len(RUNS)
    assert all(after.by_id[id_] == record for id_, record in before.by_id.items())


def test_workers_that_die_cost_no_record(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "_run", dying_twice)
    told: list[study.Progress] = []
    found = study.run_missing(RUNS, tmp_path / "records", jobs=2, on_progress=told.append)
    assert {record.outcome for record in found.by_id.values()} <= {"finished", "diverged"}
    assert sorted(each.record.run.seed for each in told) == [0, 1, 2, 3]


def test_a_run_that_kills_its_worker_each_time_is_a_failed_record(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "_run", dying_on_seed_1)
    monkeypatch.setattr(study, "ATTEMPTS", 1)
    found = study.run_missing(RUNS[:3], tmp_path, jobs=2).by_id
    assert found[RUNS[1].id].outcome == "failed"
    assert found[RUNS[1].id].error == "the process that trained it died, 2 times (out of memory?)"
    assert found[RUNS[0].id].outcome != "failed" != found[RUNS[2].id].outcome


def test_a_run_that_raises_is_a_failed_record_and_can_be_tried_again(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(study, "train", raising_on_seed_1)
        failed = study.run_missing([RUNS[1]], tmp_path).by_id[RUNS[1].id]
    assert failed.outcome == "failed"
    assert "ArithmeticError: seed 1 is unlucky" in failed.error
    assert study.run_missing([RUNS[1]], tmp_path).by_id[RUNS[1].id] == failed
    again = study.run_missing([RUNS[1]], tmp_path, retry_failed=True).by_id[RUNS[1].id]
    assert again.outcome != "failed"


def test_a_full_disk_stops_the_study_and_keeps_what_was_written(tmp_path, monkeypatch):
    study.run_missing(RUNS[:1], tmp_path)

    def fail(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Earlier records are safe"):
            study.run_missing(RUNS, tmp_path)
    assert len(records.read_all(tmp_path).by_id) == 1
    assert len(study.run_missing(RUNS, tmp_path).by_id) == 4


def test_torn_records_are_set_aside_and_trained_anew(tmp_path):
    study.run_missing(RUNS[:1], tmp_path)
    path = tmp_path / f"{RUNS[0].id}.json"
    torn = path.read_bytes()[:50]
    path.write_bytes(torn)
    found = study.run_missing(RUNS[:1], tmp_path)
    assert [problem.path.name for problem in found.problems] == [path.name]
    assert (tmp_path / "aside" / path.name).read_bytes() == torn
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
            "has 1796 examples .* got train=1797",
        ),
    ],
)
def test_bad_runs_are_refused_before_any_training(tmp_path, wrong, error, text):
    with pytest.raises(error, match=text):
        study.run_missing([RUNS[0], wrong], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_jobs_below_one(tmp_path):
    with pytest.raises(ValueError, match="jobs is 0, must be at least 1"):
        study.run_missing(RUNS, tmp_path, jobs=0)
