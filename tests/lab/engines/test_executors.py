"""Studies on executors that are not ours."""

from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor

import pytest
from tiny import BASE, run, same_but_times

from sssam.lab.engines import Here, Pool, WorkerLostError
from sssam.lab.runs import dispatch
from sssam.lab.runs import store as records

RUNS = [run(BASE, seed) for seed in range(4)]


def test_records_are_those_of_this_process(tmp_path):
    alone = dispatch.run_missing(RUNS, tmp_path / "alone", engine=Here(threads=1)).by_id
    with ThreadPoolExecutor(2) as executor:
        found = dispatch.run_missing(RUNS, tmp_path / "pool", engine=Pool(executor, jobs=2)).by_id
        assert executor.submit(pow, 2, 3).result() == 8  # it is left to its maker
    assert {i: same_but_times(r) for i, r in found.items()} == {
        i: same_but_times(r) for i, r in alone.items()
    }


class Breaking(Executor):
    """Does two pieces of work, and is broken from then on, as a pool whose worker was killed."""

    def __init__(self) -> None:
        self.left = 2

    def submit(self, fn, /, *args, **kwargs) -> Future:
        if not self.left:
            raise BrokenExecutor("a worker was killed")
        self.left -= 1
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_a_broken_pool_ends_the_study_and_a_new_one_goes_on(tmp_path):
    with pytest.raises(WorkerLostError, match=r"finished runs are kept; .* the engine 'here'"):
        dispatch.run_missing(RUNS, tmp_path, engine=Pool(Breaking(), jobs=2))
    before = records.read_all(tmp_path).by_id
    assert set(before) == {each.id for each in RUNS[:2]}
    after = dispatch.run_missing(RUNS, tmp_path, engine=Pool(Breaking(), jobs=1)).by_id
    assert len(after) == 4
    assert {id_: after[id_] for id_ in before} == before


@pytest.mark.parametrize("name", ["jobs", "threads"])
def test_numbers_below_one(name):
    with pytest.raises(ValueError, match=f"{name} is 0, must be a whole number, at least 1"):
        Pool(Breaking(), **{"jobs": 1, name: 0})
