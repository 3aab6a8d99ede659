"""Studies from the command line, on a task of a user's own: run, compared, reported, and broken."""

import json
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from sssam.lab.cli import main
from sssam.lab.report import page as report
from sssam.lab.runs import store as records
from sssam.lab.specs import Record

TASK = """
import os
import torch
from sssam.lab import Problem

SETTINGS = {"epochs": 2, "batch_size": 16}


def task(seed):
    if seed == 1 and os.environ.get("BROKEN"):
        raise RuntimeError("the disk of seed 1 is gone")
    source = torch.Generator().manual_seed(seed)

    def part(n):
        x = torch.randn(n, 4, generator=source)
        return x, (x[:, 0] > 0).long()

    return Problem(torch.nn.Linear(4, 2), train=part(64), validation=part(32), test=part(32))
"""

STUDY = """
name = "mine"
tasks = ["mine.py"]
seeds = 2
tuning_seeds = 2
engine = "here,threads=1"
[[methods]]
kind = "base"
[[methods]]
kind = "sam"
rho = [0.05, 0.1]
"""

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages take seconds to draw, and other tests look at them."""

    def write(comparison, folder: Path, *_: object, **__: object) -> SimpleNamespace:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "comparison.json").write_text(comparison.model_dump_json())
        return SimpleNamespace(page=folder / "comparison.html")

    monkeypatch.setattr(report, "write", write)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a study and its task in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(TASK)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


def held(out: Path) -> dict[str, Record]:
    return records.read_all(out / "records").by_id


def compared(path: Path) -> dict[str, object]:
    return json.loads((path / "comparison.json").read_text())


def call(capsys: Capture, *words: str | Path, code: int = 0) -> tuple[str, str]:
    """What a command prints, on standard output and error."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == code
    output = capsys.readouterr()
    return output.out, output.err


def test_run_tunes_then_trains_and_never_twice(folder: Path, capsys: Capture) -> None:
    out, err = call(capsys, "run", "study.toml")
    kept = folder / "sssam-results" / "mine"
    assert "SAM on mine: rho 0." in out
    assert f"The records: {Path('sssam-results/mine/records')}" in out
    assert "4 of 4 runs, the last of them SAM" in err
    first = held(kept)
    assert sorted(r.run.seed for r in first.values()) == [0, 0, 1, 1, 1000, 1000, 1001, 1001]
    stamps = {path: path.stat().st_mtime_ns for path in (kept / "records").glob("*.json")}
    _, err = call(capsys, "run", "study.toml")
    assert err == ""
    assert stamps == {path: path.stat().st_mtime_ns for path in (kept / "records").glob("*.json")}


def test_the_directory_alone_is_enough_for_comparing_and_reporting(
    folder: Path, capsys: Capture
) -> None:
    call(capsys, "run", "study.toml", "--out", "kept")
    (folder / "mine.py").unlink()
    (folder / "study.toml").unlink()
    out, _ = call(capsys, "compare", "kept", "--no-run")
    assert "On mine, " in out
    assert "Chosen: SAM: rho 0." in str(compared(folder / "kept")["note"])
    assert call(capsys, "report", "kept")[0] == out
    more, _ = call(capsys, "compare", "kept", "--no-run", "--seeds", "3")
    assert "(3 seeds; 2 of 6 runs missing)" in more


def test_compare_trains_what_is_missing_then_scores(folder: Path, capsys: Capture) -> None:
    out, err = call(capsys, "compare", "study.toml", "--out", "kept", "--seeds", "1")
    assert "(1 seed)." in out
    assert len(held(folder / "kept")) == 4 + 2
    _, err = call(capsys, "compare", "kept", "--seeds", "2")
    assert "2 of 2 runs" in err
    assert len(held(folder / "kept")) == 4 + 4


def test_no_run_before_the_tuning_is_through_says_so(folder: Path, capsys: Capture) -> None:
    call(capsys, "run", "study.toml", "--out", "kept")
    for record in list(held(folder / "kept").values()):
        if record.run.seed == 1001:
            (folder / "kept" / "records" / f"{record.id}.json").unlink()
    _, err = call(capsys, "compare", "kept", "--no-run", code=2)
    assert "the tuning on 'mine' is not finished: 2 of 4 runs have no record" in err
    assert "`sssam run` goes on with it" in err


def test_a_task_that_raises_leaves_its_traceback_and_the_study_goes_on(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", "1")
    _, err = call(capsys, "run", "study.toml", "--out", "kept", code=1)
    assert "failed: base on mine, seed 1 and 1 more: RuntimeError: the disk of seed 1 is" in err
    assert "2 of the study's runs failed; each record keeps its traceback" in err
    failed = [r for r in held(folder / "kept").values() if r.outcome == "failed"]
    assert {record.run.seed for record in failed} == {1}
    assert all('mine.py", line ' in str(record.error) for record in failed)
    assert len(held(folder / "kept")) == 8
    _, err = call(capsys, "compare", "kept", "--no-run", code=1)
    assert "2 of the study's runs failed" in err
    monkeypatch.delenv("BROKEN")
    _, err = call(capsys, "run", "kept", "--retry-failed")
    assert "2 of 2 runs" in err
    assert {record.outcome for record in held(folder / "kept").values()} != {"failed"}
    assert len(list((folder / "kept" / "records" / "aside").iterdir())) == 2


def test_torn_and_foreign_records_are_told_kept_aside_and_made_anew(
    folder: Path, capsys: Capture
) -> None:
    call(capsys, "run", "study.toml", "--out", "kept")
    before = held(folder / "kept")
    torn = folder / "kept" / "records" / f"{next(iter(before))}.json"
    torn.write_text(torn.read_text()[:100])
    (torn.parent / "notes.json").write_text("{}")
    _, err = call(capsys, "run", "kept")
    assert f"passed over, no record: {torn.name}: torn or foreign" in err
    assert "passed over, no record: notes.json: torn or foreign" in err
    assert held(folder / "kept").keys() == before.keys()
    assert {path.name for path in (torn.parent / "aside").iterdir()} == {torn.name, "notes.json"}


def test_two_tasks_are_compared_each_and_together(folder: Path, capsys: Capture) -> None:
    text = STUDY.replace(
        '["mine.py"]', '["mine.py", {name = "mine.py", label = "other", epochs = 3}]'
    )
    (folder / "study.toml").write_text(text)
    out, _ = call(capsys, "compare", "study.toml", "--out", "kept")
    assert "Over 2 tasks of equal weight" in out
    for name in ("mine", "other"):
        assert compared(folder / "kept" / name)["variants"]
    for name in ("index.html", "pooled.json", "pooled.md"):
        assert (folder / "kept" / name).is_file()


def test_a_task_s_own_comparison_can_be_gone_on_with_from_its_directory(
    folder: Path, capsys: Capture
) -> None:
    words = ["--methods", "base,sam:rho=0.1,msam", "--seeds", "1", "--jobs", "1"]
    call(capsys, "compare", "mine.py", *words, "--out", "kept")
    rows = [row["method"] for row in compared(folder / "kept")["variants"]]
    assert [(row["label"], row["rho"]) for row in rows] == [
        ("base", 0.0),
        ("sam:rho=0.1", 0.1),
        ("MSAM", 0.3),
    ]
    told = str(compared(folder / "kept")["note"])
    assert told == (
        "Not tuned, but given, or the default of the class: the rho of sam:rho=0.1, MSAM."
    )
    _, err = call(capsys, "run", "kept", "--seeds", "2", "--jobs", "1")
    assert "3 of 3 runs" in err


def test_export_and_import_carry_a_study_to_another_directory(
    folder: Path, capsys: Capture
) -> None:
    call(capsys, "run", "study.toml", "--out", "kept")
    out, _ = call(capsys, "export", "kept")
    assert out == f"8 records: {Path('kept', 'records.jsonl')}\n"
    _, err = call(capsys, "export", "kept", "--out", ".", code=2)
    assert "--out is '.', a directory: name a file" in err
    with (folder / "kept" / "records.jsonl").open("a") as file:
        file.write("{torn\n")
    out, err = call(capsys, "import", "kept/records.jsonl", "other", code=1)
    assert "not taken: line 9: " in err
    assert "8 records taken, 0 there before; 1 line not taken, kept in" in out
    assert held(folder / "other") == held(folder / "kept")


def test_tune_chooses_and_writes_what_it_tried(folder: Path, capsys: Capture) -> None:
    words = ["tune", "mine.py", "--methods", "base,sam,msam", "--seeds", "1", "--jobs", "1"]
    out, _ = call(capsys, *words, "--out", "tuned")
    *chosen, last = out.splitlines()[1:]
    assert [line.partition(" on mine: rho ")[0] for line in chosen] == ["SAM", "MSAM"]
    assert last == "The values, which sssam compare takes: tuned/tuned.json"
    found = json.loads((folder / "tuned" / "tuned.json").read_text())
    sam, msam = found["rows"][1:]
    assert len(sam["scores"]) == len(msam["scores"]) >= 7
    lines = (folder / "tuned" / "tuning.jsonl").read_text().splitlines()
    assert len(lines) == 1 + 2 * len(sam["scores"])


def test_a_study_under_way_is_followed_to_its_end(folder: Path, capsys: Capture) -> None:
    call(capsys, "run", "study.toml", "--out", "kept")
    out, _ = call(capsys, "report", "kept", "--live", "--quiet")
    assert out.count("The page: ") == 2


def test_imported_records_without_a_study_are_told_of(folder: Path, capsys: Capture) -> None:
    words = ["compare", "mine.py", "--methods", "base,sam", "--seeds", "2", "--jobs", "1"]
    call(capsys, *words, "--out", "one")
    call(capsys, "export", "one", "--out", "all.jsonl")
    call(capsys, "import", "all.jsonl", "other")
    for command in (["compare", "other", "--no-run"], ["report", "other"], ["run", "other"]):
        _, err = call(capsys, *command, code=2)
        assert "'other' holds 4 records but no study.json" in err
        assert "give the task or the study file that they are of, and --out 'other'" in err
    out, _ = call(capsys, *words, "--out", "other", "--no-run")  # as it says
    assert "The page: " in out


def test_a_folder_without_images_is_told_of(folder: Path, capsys: Capture) -> None:
    (folder / "empty").mkdir()
    for command in ("compare", "train"):
        _, err = call(capsys, command, "empty", code=2)
        assert "empty' holds no image: give one with a folder of images for each class" in err


def test_tune_says_what_was_nothing_to_choose_and_what_seeds_do_not_tell_apart(
    folder: Path, capsys: Capture
) -> None:
    words = ["tune", "mine.py", "--methods", "base,sam", "--jobs", "1", "--epochs", "1", "--seeds"]
    base, sam, _ = call(capsys, *words, "1", "--out", "one")[0].splitlines()
    assert base.startswith("base on mine: nothing to choose; validation accuracy ")
    assert base.endswith("% over 1 seed")
    assert sam.endswith("% over 1 seed; one seed does not tell the radii apart")


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
    for words in (["train"], ["compare", "--jobs", "1"], ["tune", "--jobs", "1"]):
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
        words = ["compare", what, "--methods", "base", "--seeds", "1", "--epochs", "1"]
        call(capsys, *words, "--jobs", "1", "--out", out)
        assert len(held(out)) == 1
        assert str(out) in call(capsys, "compare", out, "--no-run")[0]


BAD = [
    (["run", "study.toml", "--out", "mine.py"], 2, "--out is 'mine.py', which is no directory"),
    (["run", "study.toml", "--seeds", "0"], 2, "--seeds must be at least 1, not 0"),
    (["compare", "study.toml", "--epochs", "3"], 2, "--epochs is for a task: a study says it in"),
    (["compare", "study.toml", "--data", "x"], 2, "--data is 'x', must be TASK=PATH"),
    (["compare", "mine.py", "--data", "a", "--data", "b"], 2, "--data is given 2 times"),
    (["run", "study.toml", "--data", "x=y"], 2, "unknown task of the study 'x'"),
    (["run", "study.toml", "--engine", "local:0"], 2, "jobs is 0, must be at least 1"),
    (["run", "study.toml", "--engine", "dask://127.0.0.1:1"], 1, "127.0.0.1:1"),
    (["compare", "study.toml", "--no-run"], 2, "is not finished: 4 of 4 runs have no record"),
    (["import", "study.toml", "kept"], 2, "'study.toml' holds no record (line 2: torn"),
    (["export", "."], 2, "'.' has no records"),
]


@pytest.mark.parametrize(("words", "code", "said"), BAD, ids=[" ".join(words) for words, *_ in BAD])
def test_bad_input_is_named(
    folder: Path, capsys: Capture, words: Sequence[str], code: int, said: str
) -> None:
    _, err = call(capsys, *words, code=code)
    assert said in err
    assert "Traceback" not in err


def test_a_task_that_can_t_be_used_is_named_with_the_file(folder: Path, capsys: Capture) -> None:
    (folder / "mine.py").write_text(textwrap.dedent("def task(seed):\n    return 3\n"))
    _, err = call(capsys, "run", "study.toml", code=2)
    assert "study.toml" in err
    assert "mine.py" in err
