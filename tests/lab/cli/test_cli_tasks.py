"""A user's own task from the command line: what it raises, and where it lies."""

import textwrap
from pathlib import Path

import pytest
from commands import TASK, Capture, call, held

pytestmark = pytest.mark.usefixtures("plain_pages")


def test_a_task_that_raises_leaves_its_traceback_and_the_study_goes_on(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", "1")
    _, err = call(capsys, "compare", "study.toml", "--out", "kept", code=1)
    assert "failed: base on mine, seed 1 and 2 more: RuntimeError: the disk of seed 1 is" in err
    assert "3 of the study's runs failed; each record keeps its traceback" in err
    failed = [r for r in held(folder / "kept").values() if r.outcome == "failed"]
    assert {record.run.seed for record in failed} == {1}
    assert all('mine.py", line ' in str(record.error) for record in failed)
    assert len(held(folder / "kept")) == 14
    _, err = call(capsys, "report", "kept", code=1)
    assert "3 of the study's runs failed" in err
    monkeypatch.delenv("BROKEN")
    _, err = call(capsys, "compare", "kept", "--retry-failed")
    assert "3 of 3 runs" in err
    assert {record.outcome for record in held(folder / "kept").values()} != {"failed"}
    assert len(list((folder / "kept" / "records" / "quarantine").iterdir())) == 3


def test_a_task_that_never_can_be_made_is_refused(folder: Path, capsys: Capture) -> None:
    (folder / "mine.py").write_text(TASK.replace("seed == 1 and os.environ", "True or os.environ"))
    for command in ("compare", "train"):
        _, err = call(capsys, command, "mine.py", code=2)
        assert "mine.py raised while task(0) was called" in err
        assert "is gone" in err


def test_a_folder_without_images_is_refused(folder: Path, capsys: Capture) -> None:
    (folder / "empty").mkdir()
    for command in ("compare", "train"):
        _, err = call(capsys, command, "empty", code=2)
        assert "empty' can't be read: " in err


def test_what_a_task_raises_in_train_keeps_its_traceback(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", "1")
    with pytest.raises(RuntimeError, match="the disk of seed 1 is gone"):
        call(capsys, "train", "mine.py", "--seed", "1", "--quiet")


def test_scores_that_break_the_interface_late_are_one_line(folder: Path, capsys: Capture) -> None:
    late = "metric=lambda o, t: 3.0 * (len(t) > 16) + 0 * o[:, 0], "
    (folder / "mine.py").write_text(TASK.replace("train=part", f"{late}train=part"))
    _, err = call(capsys, "train", "mine.py", "--quiet", code=1)
    assert err.startswith("sssam: task 'mine': metric gave the score ")
    assert len(err.splitlines()) == 1


def test_paths_may_have_spaces_and_any_letters(folder: Path, capsys: Capture) -> None:
    own = folder / "ein Ördner" / "größe ß.py"
    own.parent.mkdir()
    own.write_text(TASK)
    table = own.parent / "tä ble.csv"
    table.write_text("a,b,y\n" + "".join(f"{i},{i % 3},{i % 2}\n" for i in range(40)))
    for what in (own, table):
        out = folder / f"aus gäbe {what.stem}"
        words = [
            "compare",
            what,
            "--variants",
            "sam",
            "--no-controls",
            "--seeds",
            "1",
            "--epochs",
            "1",
        ]
        call(capsys, *words, "--engine", "here", "--out", out)
        assert len(held(out)) == 2
        assert str(out) in call(capsys, "report", out)[0]


def test_a_task_that_can_t_be_used_is_named_with_the_file(folder: Path, capsys: Capture) -> None:
    (folder / "mine.py").write_text(textwrap.dedent("def task(seed):\n    return 3\n"))
    _, err = call(capsys, "compare", "study.toml", code=2)
    assert "study.toml" in err
    assert "mine.py" in err
