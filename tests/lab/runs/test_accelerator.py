"""An accelerator that is not there stops a command before anything is trained or written."""

from pathlib import Path

import pytest
import torch
from tiny import BASE, run

from sssam.lab.cli import main
from sssam.lab.engines import Engine, Here, Local
from sssam.lab.runs import dispatch, worker
from sssam.lab.runs.worker import Settings
from sssam.lab.training import hardware

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
NO_CUDA = "accelerator is 'cuda', but torch finds no such device .* give 'cpu' or 'auto'"


@pytest.mark.parametrize("engine", [Here(), Local(2)])
def test_where_workers_are_on_this_machine_nothing_begins(tmp_path: Path, engine: Engine) -> None:
    with pytest.raises(ValueError, match=NO_CUDA):
        dispatch.run_missing(
            [run(BASE)], tmp_path, engine=engine, settings=Settings(accelerator="cuda")
        )
    assert list(tmp_path.iterdir()) == []


class Elsewhere(Here):
    """An engine whose workers may have devices that this machine lacks."""

    on_this_machine = False


def test_a_worker_without_the_device_leaves_no_record_and_no_claim(tmp_path: Path) -> None:
    with pytest.raises(hardware.DeviceError, match=NO_CUDA):
        dispatch.run_missing(
            [run(BASE)], tmp_path, engine=Elsewhere(), settings=Settings(accelerator="cuda")
        )
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(hardware.DeviceError):
        worker.work(run(BASE), tmp_path, Settings(accelerator="cuda"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["train"],
        ["compare", "--seeds", "1", "--engine", "here"],
        ["compare", "--seeds", "1", "--engine", "local:2"],
    ],
)
def test_a_command_is_refused(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert main([*words, "--accelerator", "cuda", "--out", str(folder)]) == 2
    assert capsys.readouterr().err.startswith("sssam: accelerator is 'cuda', but")
    assert not folder.exists()


def test_every_machine_has_a_processor() -> None:
    for accelerator in ("cpu", "auto"):
        hardware.require(accelerator)


def test_one_of_torchrun_s_processes_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for words in (["train", "--epochs", "1"], ["compare", "--seeds", "1", "--engine", "local:2"]):
        assert main([*words, "--out", str(tmp_path / "out")]) == 2
        assert "this process is one of 2, but" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
