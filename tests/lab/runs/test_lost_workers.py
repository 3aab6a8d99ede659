"""Workers that die: which run is to blame, and what is left of the others' records."""

import threading
from concurrent.futures import Future

import pytest
from tiny import BASE, run

from sssam.lab.engines import Engine, WorkerLostError
from sssam.lab.runs import claims, dispatch
from sssam.lab.runs import store as records
from sssam.lab.specs import Run

RUNS = [run(BASE, seed) for seed in range(4)]


class Mortal(Engine):
    """Its workers die over a run of seed 1, where they have `begun` it or before."""

    def __init__(self, begun: bool = True) -> None:
        super().__init__(jobs=2)
        self.begun = begun

    def submit(self, work, wanted: Run, directory, settings) -> Future:
        future = Future()
        threading.Timer(0.02, self._settle, (future, work, wanted, directory, settings)).start()
        return future

    def _settle(self, future: Future, work, wanted: Run, directory, settings) -> None:
        if wanted.seed != 1:
            future.set_result(work(wanted, directory, settings))
            return
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
