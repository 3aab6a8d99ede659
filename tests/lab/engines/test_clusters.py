"""Studies on submitit's jobs, and on a Dask and a Ray cluster by the examples' engines."""

from functools import partial
from pathlib import Path

import marks
import psutil
import pytest
from tiny import BASE, run

from sssam.lab import engines
from sssam.lab.engines import Here, Slurm
from sssam.lab.runs import dispatch

EXAMPLES = Path(__file__).parents[3] / "examples" / "engines"
RUNS = [run(BASE, seed) for seed in range(200)]
#: How many runs a study has, and how often a worker of it is killed.
COUNTS = pytest.mark.parametrize(("count", "kills"), [(8, 1), (200, 20)])


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    return dispatch.run_missing(RUNS, tmp_path_factory.mktemp("calm"), engine=Here(threads=1)).by_id


def _disturbed(tmp_path, monkeypatch, calm, runs, kills, engine, victims) -> None:
    """A study whose workers are killed; its records are the undisturbed ones."""
    monkeypatch.setattr(dispatch, "work", marks.marked_work)
    directory = tmp_path / "records"
    with marks.Killer(directory, victims, len(runs), kills) as killer:
        found = dispatch.run_missing(runs, directory, engine=engine)
    assert killer.killed == kills
    marks.require_equal(found.by_id, {run.id: calm[run.id] for run in runs})
    marks.require_none_done_twice(directory, runs, interruptions=kills)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of sockets to the worker that is killed
@pytest.mark.slow
@COUNTS
def test_dask(tmp_path, monkeypatch, calm, count, kills):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=True
    ) as cluster:

        def victims():
            return [psutil.Process(each.pid) for each in cluster.workers.values() if each.pid]

        engine = engines.load(f"{EXAMPLES}/dask_cluster.py,scheduler={cluster.scheduler_address}")
        _disturbed(tmp_path, monkeypatch, calm, RUNS[:count], kills, engine, victims)
        assert engine.jobs == 2


@pytest.mark.slow
@COUNTS
def test_ray(tmp_path, monkeypatch, calm, importing, count, kills):
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    options = {"runtime_env": {"env_vars": {"PYTHONPATH": importing["PYTHONPATH"]}}}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, **options)
    try:
        victims = partial(marks.children, "ray::marked_work")
        engine = engines.load(f"{EXAMPLES}/ray_cluster.py")
        _disturbed(tmp_path, monkeypatch, calm, RUNS[:count], kills, engine, victims)
    finally:
        ray.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize(("count", "kills"), [(3, 1), (40, 20)])
def test_submitit(tmp_path, monkeypatch, calm, importing, count, kills):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PYTHONPATH", importing["PYTHONPATH"])
    engine = Slurm(cluster="local", jobs=2)
    victims = partial(marks.children, "submitit.core._submit")
    _disturbed(tmp_path, monkeypatch, calm, RUNS[:count], kills, engine, victims)
