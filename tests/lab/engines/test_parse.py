import shutil
import socket
import sys

import pytest
from tiny import BASE, run

from sssam.lab import engines
from sssam.lab.engines import Dask, Local, Slurm
from sssam.lab.runs import dispatch


@pytest.mark.parametrize("name", engines.ENGINES)
def test_the_example_of_an_engine_is_that_engine(name):
    kind = engines.ENGINES[name]
    assert type(engines.parse(kind.example)) is kind.engine


def test_what_the_text_says_is_what_the_engine_has():
    assert engines.parse("here, threads=3").threads == 3
    local = engines.parse("local:4,threads=2")
    assert isinstance(local, Local)
    assert (local.jobs, local.threads) == (4, 2)
    slurm = engines.parse("slurm:gpu,jobs=7,threads=2,timeout_min=90,slurm_account=me")
    assert isinstance(slurm, Slurm)
    assert (slurm.jobs, slurm.threads) == (7, 2)
    assert slurm.options == {
        "name": "sssam",
        "cpus_per_task": 2,
        "slurm_partition": "gpu",
        "timeout_min": 90,
        "slurm_account": "me",
    }
    for text, where in {
        "dask://host:8786": "tcp://host:8786",
        "dask:tls://host:8786": "tls://host:8786",
        "dask:scheduler.json": "scheduler.json",
    }.items():
        assert engines.parse(text).scheduler == where
    for text, address in {
        "ray": None,
        "ray://head:10001": "ray://head:10001",
        "ray:head:6379": "head:6379",
    }.items():
        assert engines.parse(text).address == address


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("locl:4", "unknown engine 'locl': did you mean 'local'"),
        ("", "unknown engine ''"),
        ("local:four", "jobs is 'four', must be a whole number, at least 1"),
        ("local:0", "jobs is 0, must be at least 1; an example is 'local:4,threads=2'"),
        ("local:2,threads=-1", "threads is -1, must be at least 1"),
        ("local:2,threads", "'threads' is no option of the form NAME=VALUE"),
        ("local:2,thread=2", "unknown option 'thread': did you mean 'threads'"),
        ("here:2", "engine 'here:2': it takes no place, got '2'"),
        ("local:2,jobs=3", "jobs is given twice"),
        ("local,threads=2,threads=1", "threads is given twice"),
        ("dask", "scheduler is missing: give it as scheduler=VALUE, or as the place"),
        ("dask://host", "the scheduler's address is 'tcp://host', must end in :PORT"),
        ("slurm,cluster=loca", "any executor named loca"),
    ],
)
def test_text_that_names_no_engine(text, error):
    with pytest.raises(ValueError, match=error):
        engines.parse(text)


@pytest.fixture(scope="module")
def silent_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.parametrize(
    ("text", "library", "error"),
    [
        (
            "dask://127.0.0.1:{}",
            "distributed",
            "Dask scheduler .* check that `dask scheduler` runs",
        ),
        (
            "dask:absent.json",
            "distributed",
            "'absent.json' can't be reached .*No such file.* check",
        ),
        ("ray://127.0.0.1:{}", "ray", "Ray cluster .* check that `ray start --head` runs"),
        ("ray:127.0.0.1:{}", "ray", "Ray cluster .* check that `ray start --head` runs"),
        ("ray:nowhere", "ray", "Ray cluster 'nowhere' can't be reached .* the address"),
    ],
)
def test_a_cluster_that_is_not_there(tmp_path, silent_port, text, library, error):
    pytest.importorskip(library)
    with pytest.raises(ConnectionError, match=error):
        dispatch.run_missing([run(BASE)], tmp_path, engine=text.format(silent_port))


@pytest.mark.skipif(shutil.which("srun") is not None, reason="this machine has Slurm")
def test_a_machine_without_slurm(tmp_path):
    pytest.importorskip("submitit")
    with pytest.raises(ConnectionError, match=r"there is no Slurm here .* on a login node"):
        dispatch.run_missing([run(BASE)], tmp_path, engine="slurm")


@pytest.mark.parametrize("option", ["tiemout_min=3", "timeout_min=long"])
def test_an_option_that_submitit_does_not_take_is_refused_with_the_text(option):
    pytest.importorskip("submitit")
    error = rf"option of the engine 'slurm' is wrong: .*{option.partition('=')[0]}"
    with pytest.raises(ValueError, match=error):
        engines.parse(f"slurm,cluster=local,{option}")


def test_a_study_of_slurm_is_read_where_submitit_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert engines.parse("slurm:gpu,tiemout_min=3").jobs == 100


def test_a_cluster_without_workers(tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster,
        pytest.raises(ConnectionError, match="has no workers: start some with `dask worker`"),
    ):
        dispatch.run_missing([run(BASE)], tmp_path, engine=Dask(cluster.scheduler_address))


@pytest.mark.parametrize(
    ("text", "library", "extra"),
    [
        ("dask://host:1", "distributed", "dask"),
        ("ray", "ray", "ray"),
        ("slurm", "submitit", "slurm"),
    ],
)
def test_a_library_that_is_not_installed(tmp_path, monkeypatch, text, library, extra):
    monkeypatch.setitem(sys.modules, library, None)
    error = rf"needs the library '{library}', .* pip install 'sssam\[{extra}\]'"
    with pytest.raises(ModuleNotFoundError, match=error):
        dispatch.run_missing([run(BASE)], tmp_path, engine=text)
