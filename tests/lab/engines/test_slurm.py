"""What submitit's jobs come to; studies by them are in test_clusters.py."""

import time
from types import SimpleNamespace

import pytest

from sssam.lab.engines import Slurm, WorkerLostError

utils = pytest.importorskip("submitit.core.utils")


def raising(error: Exception):
    def raise_(*_, **__) -> None:
        raise error

    return raise_


@pytest.fixture
def opened(tmp_path):
    """An engine whose jobs are what the test says."""

    def opened(submit) -> Slurm:
        engine = Slurm(cluster="local", jobs=2).open(tmp_path, 1)
        engine._executor = SimpleNamespace(submit=submit)
        return engine

    return opened


def test_a_job_that_slurm_refuses_is_an_error_with_what_to_do(opened):
    error = utils.FailedJobError("sbatch: error: invalid partition specified: gpu\n")
    error_ = r"refused a job \(sbatch: .* partition specified: gpu\): mend the engine's options"
    with pytest.raises(ConnectionError, match=error_):
        opened(raising(error)).submit(print).result(timeout=60)


def test_a_job_that_can_not_be_looked_at_counts_as_lost(opened):
    job = SimpleNamespace(job_id="7", done=raising(OSError("stale file handle")))
    error = opened(lambda *_: job).submit(print).exception(timeout=60)
    assert isinstance(error, WorkerLostError)
    assert "job 7: stale file handle" in str(error)


@pytest.mark.parametrize("abort", [True, False])
def test_an_engine_left_early_cancels_its_jobs_and_can_be_opened_again(opened, tmp_path, abort):
    cancelled: list[bool] = []
    job = SimpleNamespace(job_id="7", done=lambda: False, cancel=lambda check: cancelled.append(0))
    engine = opened(lambda *_: job)
    waiting = [engine.submit(print) for _ in range(3)]
    until = time.monotonic() + 60
    while not engine._submitted:
        assert time.monotonic() < until
        time.sleep(0.01)
    engine.close(abort)
    assert all(future.done() or future.cancelled() for future in waiting)
    assert len(cancelled) == abort * len(engine._submitted)
    with engine.open(tmp_path, 1) as again:
        assert again.submit(pow, 2, 3).result(timeout=60) == 8
