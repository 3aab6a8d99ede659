"""What submitit's jobs come to; studies by them are in test_clusters.py."""

from types import SimpleNamespace

import pytest

from sssam.lab.engines import WorkerLostError
from sssam.lab.engines.slurm import _SlurmExecutor

utils = pytest.importorskip("submitit.core.utils")


def raising(error: Exception):
    def raise_(*_, **__) -> None:
        raise error

    return raise_


def test_a_job_that_slurm_refuses_is_told_of_with_what_to_do():
    error = utils.FailedJobError("sbatch: error: invalid partition specified: gpu\n")
    executor = _SlurmExecutor(SimpleNamespace(submit=raising(error)), utils)
    told = r"refused a job \(sbatch: .* partition specified: gpu\): finished runs are kept; mend"
    with pytest.raises(ConnectionError, match=told):
        executor.submit(print)


def test_a_job_that_can_not_be_looked_at_counts_as_lost():
    job = SimpleNamespace(job_id="7", done=raising(OSError("stale file handle")))
    executor = _SlurmExecutor(SimpleNamespace(submit=lambda *_: job), utils)
    error = executor.submit(print).exception(timeout=60)
    executor.shutdown()
    assert isinstance(error, WorkerLostError)
    assert "job 7: stale file handle" in str(error)
