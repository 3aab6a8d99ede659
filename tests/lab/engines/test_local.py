import os
import signal
import time

import loky
import marks
import pytest
import torch
from tiny import BASE, SAM, run

from sssam.lab.engines import Here, Local
from sssam.lab.runs import dispatch

COUNTS = [(12, 1), pytest.param(200, 20, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("count", "kills"), COUNTS)
def test_killed_workers_change_no_record_lose_none_and_double_none(
    tmp_path, monkeypatch, count, kills
):
    runs = [run(method, seed) for seed in range(count // 2) for method in (BASE, SAM)]
    calm = dispatch.run_missing(runs, tmp_path / "calm", engine=Here(threads=1)).by_id
    monkeypatch.setattr(dispatch, "work", marks.marked_work)
    directory, reported = tmp_path / "disturbed", []
    with marks.Killer(directory, lambda: marks.children("LokyProcess"), count, kills) as killer:
        engine = Local(2, threads=1)
        found = dispatch.run_missing(runs, directory, engine=engine, on_record=reported.append)
    assert killer.killed == kills
    marks.require_equal(found.by_id, calm)
    marks.require_none_done_twice(directory, runs, interruptions=2 * kills)
    assert sorted(record.id for record in reported) == sorted(calm)
    assert list((directory / ".claims").iterdir()) == []


def test_processes_share_the_cores(monkeypatch):
    monkeypatch.setattr(loky, "cpu_count", lambda only_physical_cores: 8)
    assert [Local(jobs).threads for jobs in (1, 2, 3, 8, 20)] == [8, 4, 2, 1, 1]
    assert (Local().jobs, Local().threads) == (8, 1)
    assert Here().threads == 1


def _settings() -> tuple[int, str | None, str | None]:
    names = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")
    return torch.get_num_threads(), *(os.environ.get(name) for name in names)


@pytest.mark.parametrize(
    ("asked", "policy"),
    [(None, "passive"), pytest.param("active", "active", marks=pytest.mark.slow)],
)
def test_a_worker_has_its_own_threads_and_waits_as_asked(monkeypatch, tmp_path, asked, policy):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if asked is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", asked)
    with Local(1, threads=2).open(tmp_path, 1) as engine:
        assert engine.submit(_settings).result() == (2, "2", policy)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_worker_is_deaf_to_ctrl_c_before_its_first_instruction(tmp_path):
    with Local(1).open(tmp_path, 1) as engine:
        blocked = engine.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()).result()
    assert signal.SIGINT in blocked
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_worker_that_dies_takes_no_other_with_it_and_is_followed_by_a_new_one(tmp_path):
    with Local(2, threads=1).open(tmp_path, 2) as engine:
        neighbour, victim = engine.submit(time.sleep, 1), engine.submit(os.abort)
        with pytest.raises(engine.lost):
            victim.result()
        assert engine.submit(pow, 2, 3).result() == 8
        assert neighbour.result() is None


@pytest.mark.parametrize("name", ["jobs", "threads"])
def test_numbers_below_one(name):
    with pytest.raises(ValueError, match=f"{name} is 0, must be a whole number, at least 1"):
        Local(**{name: 0})
