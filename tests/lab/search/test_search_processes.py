"""A search in several processes that is stopped, or whose command is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import psutil
import pytest

from sssam.lab.cli import main
from sssam.lab.search import processes, tally
from sssam.lab.search.storage import Place

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

#: A task that trains its first seed, and hangs at its second where HANGING names a folder.
TASK = """
import os, time
from pathlib import Path
import torch
from sssam.lab import Problem

SETTINGS = {"epochs": 1, "batch_size": 16}


def task(seed):
    if seed % 1000 and "HANGING" in os.environ:
        Path(os.environ["HANGING"], str(os.getpid())).touch()
        time.sleep(600)
    source = torch.Generator().manual_seed(seed)

    def part(n):
        x = torch.randn(n, 4, generator=source)
        return x, (x[:, 0] > 0).long()

    return Problem(torch.nn.Linear(4, 2), train=part(64), validation=part(32), test=part(32))
"""
#: How a signal is sent, the exit code of the command, and how its last and only line begins.
STOPS = {
    "SIGTERM": (os.kill, signal.SIGTERM, 143, "sssam: stopped by SIGTERM; ended trials"),
    "SIGTERM to all": (os.killpg, signal.SIGTERM, 143, "sssam: stopped by SIGTERM; ended trials"),
    "Ctrl-C": (os.killpg, signal.SIGINT, 130, "sssam: stopped; ended trials"),
    "SIGKILL": (os.kill, signal.SIGKILL, -signal.SIGKILL, ""),
}


@pytest.mark.slow
@pytest.mark.parametrize(("send", "number", "code", "last"), STOPS.values(), ids=STOPS)
def test_a_stopped_search_leaves_no_process_and_its_trials_go_on_for_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, send, number, code: int, last: str
) -> None:
    hanging = tmp_path / "hanging"
    hanging.mkdir()
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(TASK)
    words = ["search", "mine.py", "--budgets", "1.5", "--trials", "2", "--seeds", "2"]
    words += ["--no-baseline", "--out", "kept", "--jobs"]
    root = str(Path(__file__).parents[3])
    command = subprocess.Popen(
        [sys.executable, "-m", "sssam", *words, "2"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": root, "HANGING": str(hanging)},
    )
    try:
        while len(list(hanging.iterdir())) < 2:
            assert command.poll() is None
            time.sleep(0.05)
        workers = [psutil.Process(int(path.name)) for path in hanging.iterdir()]
        send(command.pid, number)
        _, said = command.communicate(timeout=60)
    finally:
        command.kill()
    assert command.returncode == code
    assert said.startswith(last)
    assert len(said.splitlines()) == bool(last)
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    assert main([*words, "1", "--quiet"]) == 0
    search = optuna.load_study(study_name=None, storage=Place("kept/search.journal").open())
    again = [trial for trial in search.trials if "retry of" in trial.user_attrs]
    assert [trial.user_attrs["tries"] for trial in again] == [1, 1]
    assert tally.count(search, bool) == tally.Tally(ended=2, failed=0, lost=2, alive=0, near=0)


def _leave_by_whether_ctrl_c_is_blocked() -> None:
    sys.exit(7 if signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()) else 0)


def test_processes_are_deaf_to_ctrl_c_before_their_first_instruction() -> None:
    assert processes.run(2, _leave_by_whether_ctrl_c_is_blocked) == [7, 7]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_process_that_died_before_it_began_its_trial_costs_it_no_try() -> None:
    search = optuna.create_study()
    for _ in range(tally.TRIES + 1):
        search.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
        tally.revive(search, lambda _: True)
    waiting = search.trials[-1]
    assert waiting.user_attrs == {"retry of": tally.TRIES, "tries": 1}
    assert tally.count(search, bool).failed == 0
