"""A user's own task from the command line: what it raises, and where it lies."""

import os
import textwrap
from pathlib import Path

import pytest
from commands import TASK, Capture, call, held

pytestmark = pytest.mark.usefixtures("plain_pages")


def test_a_task_that_raises_leaves_its_traceback_and_the_study_goes_on(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", "1")
    _, err = call(capsys, "run", "study.toml", "--out", "kept", code=1)
    assert "failed: base on mine, seed 1 and 2 more: RuntimeError: the disk of seed 1 is" in err
    assert "3 of the study's runs failed; each record keeps its traceback" in err
    failed = [r for r in held(folder / "kept").values() if r.outcome == "failed"]
    assert {record.run.seed for record in failed} == {1}
    assert all('mine.py", line ' in str(record.error) for record in failed)
    assert len(held(folder / "kept")) == 14
    _, err = call(capsys, "compare", "kept", "--no-run", code=1)
    assert "3 of the study's runs failed" in err
    monkeypatch.delenv("BROKEN")
    _, err = call(capsys, "run", "kept", "--retry-failed")
    assert "3 of 3 runs" in err
    assert {record.outcome for record in held(folder / "kept").values()} != {"failed"}
    assert len(list((folder / "kept" / "records" / "quarantine").iterdir())) == 3


def test_a_task_that_never_can_be_made_is_a_study_of_failed_runs(
    folder: Path, capsys: Capture
) -> None:
    (folder / "mine.py").write_text(TASK.replace("seed == 1 and os.environ", "True or os.environ"))
    words = ["--variants", "sam", "--no-controls", "--seeds", "1", "--trials", "2", "--jobs", "1"]
    _, err = call(capsys, "compare", "mine.py", *words, code=1)
    assert "RuntimeError: the disk of seed 1 is gone" in err
    assert " runs to compare: about" not in err


def test_a_folder_without_images_is_told_of(folder: Path, capsys: Capture) -> None:
    (folder / "empty").mkdir()
    for command in ("compare", "train"):
        _, err = call(capsys, command, "empty", code=2)
        assert "empty' holds no image: give one with a folder of images for each class" in err


def test_a_task_that_raises_shows_its_own_traceback_alone(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(capsys, "train", "mine.py", "--seed", "1", "--out", "kept", "--checkpoint", "one.pt")
    monkeypatch.setenv("BROKEN", "1")
    for words in (["train", "mine.py", "--seed", "1", "--quiet"], ["sharpness", "one.pt"]):
        _, err = call(capsys, *words, "--out", "kept", code=1)
        first, where, line, last = err.splitlines()
        assert first == "Traceback of the task:"
        assert where.endswith("in task")
        assert line.strip().startswith("raise RuntimeError(")
        assert last.startswith("sssam: the task ")
        assert last.endswith("mine.py raised RuntimeError: the disk of seed 1 is gone")


@pytest.mark.parametrize(
    ("change", "where", "told"),
    [
        (
            ("test=part(32)", "test=(torch.zeros(9, 3), torch.zeros(9).long())"),
            "problem.py",
            "RuntimeError: mat1 and mat2 shapes",
        ),
        (("    source =", "    raise SystemExit(3)\n    source ="), "mine.py", "SystemExit: 3"),
    ],
    ids=["in a library", "exit"],
)
def test_what_a_task_raises_in_train_is_told_from_its_own_part_on(
    folder: Path, capsys: Capture, change: tuple[str, str], where: str, told: str
) -> None:
    (folder / "mine.py").write_text(TASK.replace(*change))
    _, err = call(capsys, "train", "mine.py", "--quiet", code=1)
    first, place, *_, last = err.splitlines()
    assert first == "Traceback of the task:"
    assert where in place
    assert last.startswith("sssam: the task ")
    assert told in last


def test_scores_that_break_the_interface_late_are_one_line(folder: Path, capsys: Capture) -> None:
    late = "metric=lambda o, t: 3.0 * (len(t) > 16) + 0 * o[:, 0], "
    (folder / "mine.py").write_text(TASK.replace("train=part", f"{late}train=part"))
    _, err = call(capsys, "train", "mine.py", "--quiet", code=1)
    assert err.startswith("sssam: task 'mine': metric gave the score ")
    assert len(err.splitlines()) == 1


def test_a_folder_that_can_t_be_written_is_refused_before_training(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "locked").mkdir(mode=0o500)
    by_mode = lambda path, _: bool(Path(path).stat().st_mode & 0o200)  # noqa: E731 -- root may all
    monkeypatch.setattr(os, "access", by_mode)
    for words in (["train"], ["compare", "--jobs", "1"]):
        _, err = call(capsys, words[0], "mine.py", *words[1:], "--out", "locked/deep", code=2)
        assert "--out is 'locked/deep', and 'locked' can't be written: name another" in err
        assert len(err.splitlines()) == 1
    assert list((folder / "locked").iterdir()) == []


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
        call(capsys, *words, "--jobs", "1", "--out", out)
        assert len(held(out)) == 2
        assert str(out) in call(capsys, "compare", out, "--no-run")[0]


def test_a_task_that_can_t_be_used_is_named_with_the_file(folder: Path, capsys: Capture) -> None:
    (folder / "mine.py").write_text(textwrap.dedent("def task(seed):\n    return 3\n"))
    _, err = call(capsys, "run", "study.toml", code=2)
    assert "study.toml" in err
    assert "mine.py" in err
