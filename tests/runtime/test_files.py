"""Checkpoints of one's own loop: whole or as before, safe to load, or refused with the reason."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import sssam
from tests.problems import BASES, Problem, by_closure, same

ROOT = Path(__file__).parents[2]


def _saved(path: Path) -> bytes:
    sssam.save(path, n=1, values=torch.arange(10_000))
    return path.read_bytes()


def test_objects_come_back_by_name(tmp_path: Path) -> None:
    problem, other = Problem(), Problem(seed=1)
    optimizer = sssam.LookSAM(BASES["adamw"](problem.params), k=2, model=False)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    by_closure(problem, optimizer, 3)
    path = tmp_path / "run.pt"
    sssam.save(path, model=problem.model, optimizer=optimizer, scheduler=scheduler, epoch=2)
    saved = sssam.load(path)
    assert set(saved) == {"model", "optimizer", "scheduler", "epoch"}
    assert saved["epoch"] == 2
    resumed = sssam.LookSAM(BASES["adamw"](other.params), k=2, model=False)
    other.model.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["optimizer"])
    other._x, other._y = problem._x, problem._y
    by_closure(problem, optimizer, 3, 3)
    by_closure(other, resumed, 3, 3)
    assert same(problem.params, other.params)


@pytest.mark.parametrize("left", [0, 1, 100, 5000, -1000, -1])
def test_a_torn_file_is_refused(tmp_path: Path, left: int) -> None:
    path = tmp_path / "run.pt"
    path.write_bytes(_saved(path)[:left])
    with pytest.raises(
        ValueError, match=r"run\.pt' is no checkpoint, or is torn: .*take an earlie"
    ):
        sssam.load(path)


def test_a_page_that_never_reached_the_disk_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    content = bytearray(_saved(path))
    content[40_000:44_096] = bytes(4096)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.pt' is torn: its part .*data/0' is not what was"):
        sssam.load(path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    path.write_text("no checkpoint")
    with pytest.raises(ValueError, match="is no checkpoint, or is torn: File is not a zip file"):
        sssam.load(path)
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match=r"is no checkpoint of sssam\.save"):
        sssam.load(path)
    with pytest.raises(FileNotFoundError):
        sssam.load(tmp_path / "absent.pt")


class Evil:
    """Something whose unpickling runs a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (f"{os.environ['EVIL']}",)


def test_nothing_in_a_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, trace = tmp_path / "run.pt", tmp_path / "trace"
    monkeypatch.setenv("EVIL", str(trace))
    torch.save({"model": Evil()}, path)
    with pytest.raises(ValueError, match="is no checkpoint of tensors, numbers and text"):
        sssam.load(path)
    assert not trace.exists()


@pytest.mark.parametrize("value", [Path("x"), lambda: 0, Problem(), Exception("x")])
def test_what_would_not_load_is_refused_when_it_is_saved(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "run.pt"
    before = _saved(path)
    with pytest.raises(TypeError, match="checkpoint"):
        sssam.save(path, value=value)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.pt"]


def test_what_is_refused_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"instead of pathlib\.\w+$"):
        sssam.save(tmp_path / "run.pt", value=Path("x"))


def test_numbers_of_numpy_are_saved_as_numbers(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy", reason="no numpy")
    problem = Problem()
    base = torch.optim.SGD(problem.params, lr=numpy.float64(0.1), momentum=0.9)
    values = {"steps": [numpy.int64(3)], "pair": (numpy.float32(0.5), None)}
    sssam.save(tmp_path / "run.pt", optimizer=sssam.SAM(base, rho=0.05), values=values)
    loaded = sssam.load(tmp_path / "run.pt")
    assert loaded["values"] == {"steps": [3], "pair": (0.5, None)}
    rates = [group["lr"] for group in loaded["optimizer"]["param_groups"]]
    assert rates == [0.1] * len(rates)
    assert type(rates[0]) is type(loaded["values"]["pair"][0]) is float


@pytest.fixture
def _small_files(request: pytest.FixtureRequest) -> Any:
    """No file can grow beyond 100,000 bytes: as on a full disk, by the system itself."""
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    signal.signal(signal.SIGXFSZ, before)


@pytest.mark.usefixtures("_small_files")
def test_a_file_that_finds_no_room_leaves_the_one_of_before(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    before = _saved(path)
    with pytest.raises(OSError, match=r"run\.pt' could not be written: File too large") as caught:
        sssam.save(path, values=torch.zeros(100_000))
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.pt"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_file_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "run.pt"
    before = _saved(path)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="could not be written: No space left on device"):
        sssam.save(path, n=2)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.pt"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the writers are forked processes")
def test_a_writer_that_is_killed_leaves_a_whole_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.runtime.killed_writer", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written, drafts = map(int, done.stdout.split())
    assert written > 0  # some came through,
    assert drafts > 0  # and some were killed while they wrote
