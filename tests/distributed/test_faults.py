"""Two ranks that torchrun tells to stop, or of which one fails, end where calm ones end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import sssam
from tests.distributed.launch import ROOT
from tests.problems import same

pytestmark = [
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed"),
]
STEPS = 220  # of the example


def _run(file: Path, how: str, restarts: int = 0) -> tuple[int, str]:
    """The example under torchrun: how torchrun ended, and what was printed."""
    pytest.importorskip("sklearn", reason="sklearn is not installed")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [f"--max-restarts={restarts}", str(Path(__file__).with_name("harried.py")), how]
    command += [str(ROOT / "examples" / "torchrun_loop.py"), str(file)]
    settings = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    settings["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"  # else restarted ranks meet dead ones
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def _end(file: Path) -> tuple[int, list[torch.Tensor]]:
    """The steps, and weights, running statistics and momentum of a checkpoint."""
    saved = sssam.load(file)
    state = saved["optimizer"]["state"].values()
    tensors = [*saved["net"].values(), *(part for parts in state for part in parts.values())]
    return saved["optimizer"]["param_groups"][0]["sssam.steps"], tensors


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> list[torch.Tensor]:
    file = tmp_path_factory.mktemp("calm") / "digits.pt"
    code, printed = _run(file, "calm")
    assert code == 0, printed
    accuracy, spent = printed.splitlines()[-1].split(", ")
    assert float(accuracy.removeprefix("accuracy ")) > 0.9
    assert 1.4 < float(spent.removesuffix(" propagations a step")) < 1.6
    steps, end = _end(file)
    assert steps == STEPS
    return end


@pytest.mark.parametrize("how", ["SIGTERM", pytest.param("SIGINT", marks=pytest.mark.slow)])
def test_ranks_that_are_told_to_stop_go_on_to_the_same_bits(
    calm: list[torch.Tensor], tmp_path: Path, how: str
) -> None:
    """The signal comes between two passes; both ranks stop after the same step, and one saves."""
    file = tmp_path / "digits.pt"
    code, printed = _run(file, how)
    assert code != 0, printed
    steps, _ = _end(file)
    assert 0 < steps < STEPS
    assert steps % 50, printed  # it is what the signal had saved
    code, printed = _run(file, "calm")
    assert code == 0, printed
    assert _end(file)[0] == STEPS
    assert same(_end(file)[1], calm)


@pytest.mark.slow
def test_an_error_in_one_rank_and_torchrun_s_restart_change_nothing(
    calm: list[torch.Tensor], tmp_path: Path
) -> None:
    file = tmp_path / "digits.pt"
    code, printed = _run(file, "error", restarts=1)
    assert code == 0, printed
    assert "a fault of one rank" in printed
    assert same(_end(file)[1], calm)
