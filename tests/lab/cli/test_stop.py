"""SIGTERM, as clusters send it, to the command itself: what it says, keeps, and leaves behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import forked
import psutil
import pytest

from sssam.lab.cli import main
from sssam.lab.cli.refusals import TerminatedError, terminable
from sssam.lab.report import page as report
from sssam.lab.runs import store as records

forked.preload("sssam.lab.cli.studies")

STUDY = """
tasks = [{name = "digits", epochs = 4}]
seeds = 300
recipe = "given"
controls = false
[[variants]]
kind = "sam"
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    "engine",
    [*(pytest.param(each, marks=pytest.mark.slow) for each in ("here", "local:2")), "local:1"],
)
def test_sigterm_says_what_is_kept_and_leaves_no_worker(tmp_path: Path, engine: str) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    words = ["compare", "study.toml", "--out", "kept", "--engine", engine]
    command = subprocess.Popen(
        [sys.executable, "-m", "sssam", *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    kept = tmp_path / "kept" / "records"
    try:
        while not list(kept.glob("*.json")):
            assert command.poll() is None
            time.sleep(0.05)
        workers = psutil.Process(command.pid).children(recursive=True)
        command.send_signal(signal.SIGTERM)
        _, said = command.communicate(timeout=60)
    finally:
        command.kill()
    assert command.returncode == 143
    assert said.splitlines()[-1].startswith("sssam: stopped by SIGTERM; finished runs are kept in")
    assert said.rstrip().endswith("the same command goes on from there")
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []
    stored = records.read_all(kept)
    assert 1 <= len(stored.by_id) < 300
    assert stored.bad_files == []


TASK = """
import os, time
import torch
from sssam.lab import Problem

SETTINGS = {"epochs": 1, "batch_size": 16}


def task(seed):
    if seed % 1000 and os.environ.get("SLOW"):
        time.sleep(600)
    source = torch.Generator().manual_seed(seed)

    def part(n):
        x = torch.randn(n, 4, generator=source)
        return x, (x[:, 0] > 0).long()

    return Problem(torch.nn.Linear(4, 2), train=part(64), validation=part(32), test=part(32))
"""


#: A command on that task, and how many of its runs are on a first seed, which none is slow on.
COMMANDS = {
    "compare": (["--no-controls", "--variants", "sam", "--trials", "1", "--seeds", "2"], 1),
    "search": (["--budgets", "1.5", "--trials", "2", "--seeds", "2"], 2),
}


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("command", COMMANDS)
def test_sigterm_keeps_records_and_the_same_command_goes_on(
    tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(TASK)
    options, first = COMMANDS[command]
    words = [command, "mine.py", *options, "--out", "kept", "--engine", "here", "--quiet"]
    kept = tmp_path / "kept" / "records"
    with forked.command(tmp_path, *words, SLOW="1") as stopped:
        while len(list(kept.glob("*.json"))) < first:
            assert stopped.exitcode is None
            time.sleep(0.02)
        stopped.terminate()
        stopped.join(60)
        assert stopped.exitcode == 143
    said = (tmp_path / "said").read_text()
    assert "stopped by SIGTERM; finished runs are kept in" in said.splitlines()[-1]
    assert "Traceback" not in said
    before = {path: path.read_bytes() for path in kept.glob("*.json")}
    assert len(before) == first
    monkeypatch.chdir(tmp_path)
    page = lambda _, folder, **__: [folder / "comparison.html"]  # noqa: E731
    monkeypatch.setattr(report, "write", page)  # it takes seconds to draw
    assert main(words) == 0
    after = {path: path.read_bytes() for path in kept.glob("*.json")}
    assert len(after) > first
    assert before.items() <= after.items()


def test_another_handler_of_the_signal_is_left_alone() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with terminable():
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_second_signal_does_not_disturb_what_stops_in_order() -> None:
    stopped = []

    def stop() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            stopped.append("in order")

    with pytest.raises(TerminatedError), terminable():
        stop()
    assert stopped == ["in order"]


def test_the_signal_is_an_interrupt_and_its_handler_goes_away() -> None:
    with pytest.raises(KeyboardInterrupt) as raised, terminable():
        signal.raise_signal(signal.SIGTERM)
    assert raised.type is TerminatedError
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
