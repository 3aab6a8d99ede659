"""Workers that die: which run is to blame, and what is left of the others' records and claims."""

import threading
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import pytest
from tiny import BASE, run

from sssam.lab.engines import Engine, WorkerLostError
from sssam.lab.runs import claims, dispatch, worker
from sssam.lab.runs import store as records
from sssam.lab.specs import Record, Run

RUNS = [run(BASE, seed) for seed in range(4)]


class Mortal(Engine):
    """Its workers die together over a run of seed 1, where they have `begun` it or before."""

    shares_fate = True

    def __init__(self, begun: bool = True) -> None:
        super().__init__(jobs=2)
        self.begun, self.under_way = begun, []

    def submit(self, work, wanted: Run, directory, settings) -> Future:
        future = Future()
        self.under_way.append((future, work, wanted, directory, settings))
        threading.Timer(0.02, self._settle).start()
        return future

    def _settle(self) -> None:
        settled, self.under_way = self.under_way, []
        deadly = any(wanted.seed == 1 for _, _, wanted, *_ in settled)
        for future, work, wanted, directory, settings in settled:
            if not deadly:
                future.set_result(work(wanted, directory, settings))
                continue
            if self.begun:
                claims.begin(wanted.id, directory)
            future.set_exception(WorkerLostError())


def test_a_run_that_kills_its_worker_each_time_is_a_failed_record_and_the_only_one(tmp_path):
    found = dispatch.run_missing(RUNS, tmp_path, engine=Mortal())
    assert [record.run for record in found.failed()] == [RUNS[1]]
    reason = f"the process that trained it died, {dispatch.DEATHS} times (out of memory?)"
    assert found.by_id[RUNS[1].id].error == reason


def test_workers_that_begin_nothing_are_an_error_and_no_failed_run(tmp_path):
    with pytest.raises(WorkerLostError, match="21 workers in a row ended before they began"):
        dispatch.run_missing(RUNS[1:2], tmp_path, engine=Mortal(begun=False))
    assert records.read_all(tmp_path).by_id == {}


def _killed_before_it_settled(directory: Path, wanted: Run) -> ExitStack:
    """What a worker leaves that is killed right after it wrote its record, and its hold on it."""
    held = ExitStack()
    assert held.enter_context(claims.claim(wanted.id, directory))
    claims.begin(wanted.id, directory)
    checkpoint = worker.checkpoint_path(wanted, directory)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_bytes(b"of a run that is done")
    records.write(Record(run=wanted, outcome="finished", test_accuracy=0.5), directory)
    return held


class Fading(Engine):
    """Its workers write a record and are lost, but die only when the engine is left."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory, self.holds = directory, ExitStack()

    def submit(self, _, wanted: Run, *__) -> Future:
        self.holds.push(_killed_before_it_settled(self.directory, wanted))
        lost = Future()
        lost.set_exception(WorkerLostError())
        return lost

    def close(self, abort: bool) -> None:
        self.holds.close()


def _left(directory: Path) -> list[str]:
    folders = (directory / claims.FOLDER, directory / worker.CHECKPOINTS)
    return [path.name for folder in folders for path in folder.iterdir()]


def test_a_lost_worker_that_died_late_leaves_no_claim_and_no_checkpoint(tmp_path):
    found = dispatch.run_missing(RUNS[:2], tmp_path, engine=Fading(tmp_path))
    assert len(found.by_id) == 2
    assert _left(tmp_path) == []


def test_what_a_killed_command_left_of_a_finished_run_goes_at_the_next(tmp_path):
    _killed_before_it_settled(tmp_path, RUNS[0]).close()
    assert len(_left(tmp_path)) >= 2
    dispatch.run_missing(RUNS[:1], tmp_path)
    assert _left(tmp_path) == []


def test_a_claim_that_a_living_process_holds_is_left_to_it(tmp_path):
    with _killed_before_it_settled(tmp_path, RUNS[0]):
        before = _left(tmp_path)
        dispatch.run_missing(RUNS[:1], tmp_path)
        assert _left(tmp_path) == before
