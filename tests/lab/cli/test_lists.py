"""`sssam methods`, `sssam tasks`, `sssam init`, `--version`, and completion in a shell."""

from pathlib import Path

import pytest
from commands import Capture, call

import sssam
from sssam.lab.tasks import TASKS
from sssam.lab.training.methods import KINDS


def test_every_kind_of_method_is_listed_with_its_class_and_its_passes(capsys: Capture) -> None:
    out, _ = call(capsys, "methods")
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert lines["sam"][:2] == ["SAM", "2"]
    assert lines["sssam"][:2] == ["SSSAM", "1.5"]
    assert lines["aesam"][:2] == ["AESAM", "-"]  # the gradients decide
    assert set(KINDS) - {"base"} <= set(lines)


def test_every_task_is_listed_with_its_data(capsys: Capture) -> None:
    out, _ = call(capsys, "tasks")
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert lines["noisy-digits"] == ["digits", "800", "40%", "mlp", "256-256", "20"]
    assert set(TASKS) <= set(lines)


def test_init_writes_a_task_file_once(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out, _ = call(capsys, "init", "own.py")
    assert out == "Written: own.py. It runs as it is: sssam compare own.py --trials 12\n"
    Path("own.py").write_text("changed")
    _, err = call(capsys, "init", "own.py", code=2)
    assert '"own.py" already exists' in err
    assert Path("own.py").read_text() == "changed"
    _, err = call(capsys, "init", "nowhere/own.py", code=2)
    assert "no such file or directory" in err


def test_the_version_is_the_library_s(capsys: Capture) -> None:
    assert call(capsys, "--version")[0].strip() == sssam.__version__


def test_completion_of_bash_knows_the_commands_and_their_options(
    tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "sssam.bash"
    call(capsys, "--install-completion", "--shell", "bash", "--output", path)
    script = path.read_text()
    for word in ("compare", "search", "--variants", "--accelerator"):
        assert word in script
