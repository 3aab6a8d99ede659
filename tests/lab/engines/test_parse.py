import shutil
import sys

import pytest
from tiny import BASE, run

from sssam.lab import engines
from sssam.lab.engines import Local, Slurm
from sssam.lab.runs import dispatch


@pytest.mark.parametrize("name", engines.ENGINES)
def test_the_example_of_an_engine_is_that_engine(name):
    kind, example, _ = engines.ENGINES[name]
    assert type(engines.parse(example)) is kind


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


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("locl:4", "unknown engine 'locl': did you mean 'local'"),
        ("", "unknown engine ''"),
        ("local:four", "jobs is 'four', must be a whole number, at least 1"),
        ("local:0", "must be a whole number, at least 1; an example is 'local:4,threads=2'"),
        ("local:2,threads=-1", "threads is -1, must be a whole number, at least 1"),
        ("local:2,threads", "'threads' is no option of the form NAME=VALUE"),
        ("local:2,thread=2", "unexpected keyword argument 'thread': its options are jobs, threads"),
        ("here:2", "engine 'here:2': it takes no place, got '2'"),
        ("local:2,jobs=3", "jobs is given twice"),
        ("local,threads=2,threads=1", "threads is given twice"),
    ],
)
def test_text_that_names_no_engine(text, error):
    with pytest.raises(ValueError, match=error):
        engines.parse(text)


def test_an_executor_that_submitit_does_not_have():
    pytest.importorskip("submitit")
    with pytest.raises(ValueError, match="any executor named loca"):
        engines.parse("slurm,cluster=loca")


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


def test_a_library_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    error = r"needs the library 'submitit', .* pip install 'sssam\[slurm\]'"
    with pytest.raises(ModuleNotFoundError, match=error):
        dispatch.run_missing([run(BASE)], tmp_path, engine="slurm")
