"""Studies from the command line: run, compared, reported, carried elsewhere."""

import json
import re
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from commands import STUDY, Capture, call, compared, held

pytestmark = pytest.mark.usefixtures("plain_pages")


def test_run_tunes_then_trains_and_never_twice(folder: Path, capsys: Capture) -> None:
    out, err = call(capsys, "compare", "study.toml")
    kept = folder / "sssam-results" / "mine"
    assert f"The page: {Path('sssam-results/mine/comparison.html')}" in out
    assert "8 runs to tune, 6 runs to compare\n" in err
    assert "4 of 4 runs, the last of them SAM" in err
    first = held(kept)
    seeds = [record.run.seed for record in first.values()]
    assert {seed: seeds.count(seed) for seed in seeds} == {0: 3, 1: 3, 1000: 4, 1001: 4}
    assert not [r for r in first.values() if r.run.seed > 999 and r.test_accuracy is not None]
    stamps = {path: path.stat().st_mtime_ns for path in (kept / "records").glob("*.json")}
    again, err = call(capsys, "compare", "study.toml")
    assert again == out
    assert err.endswith("nothing was trained\n")
    assert stamps == {path: path.stat().st_mtime_ns for path in (kept / "records").glob("*.json")}


def test_the_directory_alone_is_enough_for_comparing_and_reporting(
    folder: Path, capsys: Capture
) -> None:
    call(capsys, "compare", "study.toml", "--out", "kept")
    (folder / "mine.py").unlink()
    (folder / "study.toml").unlink()
    out, _ = call(capsys, "report", "kept")
    assert "On mine, " in out
    assert [each["label"] for each in compared(folder / "kept")["tuning"]] == ["base", "SAM"]
    assert call(capsys, "report", "kept")[0] == out
    for each in held(folder / "kept").values():
        if each.run.seed == 1 and each.run.method.label == "SAM":
            (folder / "kept" / "records" / f"{each.id}.json").unlink()
    assert "(2 seeds; 1 of 6 runs missing)" in call(capsys, "report", "kept")[0]


def test_compare_trains_what_is_missing_then_scores(folder: Path, capsys: Capture) -> None:
    out, err = call(capsys, "compare", "study.toml", "--out", "kept", "--seeds", "1")
    assert "(1 seed)." in out
    assert len(held(folder / "kept")) == 8 + 3
    _, err = call(capsys, "compare", "kept", "--seeds", "2")
    assert "3 of 3 runs" in err
    assert len(held(folder / "kept")) == 8 + 6


def test_a_report_with_runs_missing_leaves_a_finished_page(folder: Path, capsys: Capture) -> None:
    words = ["compare", "mine.py", "--variants", "sam", "--no-controls", "--engine", "here"]
    call(capsys, *words, "--seeds", "1", "--out", "kept")
    call(capsys, *words, "--seeds", "1", "--epochs", "3", "--out", "other")
    (folder / "other" / "study.json").replace(folder / "kept" / "study.json")
    finished = (folder / "kept" / "comparison.json").read_bytes()
    out, err = call(capsys, "report", "kept")
    assert "(1 seed; 2 of 2 runs missing)" in out
    assert f"The page: {Path('kept/unfinished/comparison.html')}" in out
    assert "runs are missing, a finished page is left as it is: `sssam compare kept` goes on" in err
    assert (folder / "kept" / "comparison.json").read_bytes() == finished
    out, err = call(capsys, "compare", "kept", "--engine", "here")
    assert f"The page: {Path('kept/comparison.html')}" in out
    assert "missing" not in out + err
    assert (folder / "kept" / "comparison.json").read_bytes() != finished
    assert not (folder / "kept" / "unfinished").exists()


def test_a_report_before_the_end_of_the_tuning_says_so(folder: Path, capsys: Capture) -> None:
    call(capsys, "compare", "study.toml", "--out", "kept")
    for record in list(held(folder / "kept").values()):
        if record.run.seed == 1001:
            (folder / "kept" / "records" / f"{record.id}.json").unlink()
    call(capsys, "report", "kept")
    note = str(compared(folder / "kept" / "unfinished")["note"])
    assert "the tuning on 'mine' is not finished: 2 runs of the next round have no" in note


def test_torn_records_are_named_quarantined_and_made_anew(folder: Path, capsys: Capture) -> None:
    call(capsys, "compare", "study.toml", "--out", "kept")
    before = held(folder / "kept")
    torn = folder / "kept" / "records" / f"{next(iter(before))}.json"
    torn.write_text(torn.read_text()[:100])
    _, err = call(capsys, "compare", "kept")
    assert f"passed over, no record: {torn.name}: torn or foreign" in err
    assert held(folder / "kept").keys() == before.keys()
    assert {path.name[:-20] for path in (torn.parent / "quarantine").iterdir()} == {torn.name}


def test_two_tasks_are_compared_each_and_together(folder: Path, capsys: Capture) -> None:
    text = STUDY.replace(
        '["mine.py"]', '["mine.py", {name = "mine.py", label = "other", epochs = 3}]'
    )
    (folder / "study.toml").write_text(text)
    out, _ = call(capsys, "compare", "study.toml", "--out", "kept")
    for name in ("mine", "other"):
        assert compared(folder / "kept" / name)["variants"]
        assert f"The page: kept/{name}/comparison.html" in out
    assert "Over 2 tasks of equal weight" in out
    for name in ("pooled.md", "pooled.json"):
        assert (folder / "kept" / name).is_file()


def test_a_task_s_own_comparison_can_be_gone_on_with_from_its_directory(
    folder: Path, capsys: Capture
) -> None:
    words = [
        "--variants",
        "sam:rho=0.1",
        "msam",
        "--no-controls",
        "--seeds",
        "1",
        "--engine",
        "here",
    ]
    call(capsys, "compare", "mine.py", *words, "--out", "kept")
    rows = [row["method"] for row in compared(folder / "kept")["variants"]]
    assert [(row["label"], row["rho"]) for row in rows] == [
        ("base", 0.0),
        ("sam:rho=0.1", 0.1),
        ("MSAM", 0.3),
    ]
    assert compared(folder / "kept")["untuned"] == ["sam:rho=0.1", "MSAM"]
    _, err = call(capsys, "compare", "kept", "--seeds", "2", "--engine", "here")
    assert "3 of 3 runs" in err


def test_export_and_import_carry_a_study_to_another_directory(
    folder: Path, capsys: Capture
) -> None:
    call(capsys, "compare", "study.toml", "--out", "kept")
    out, _ = call(capsys, "export", "kept")
    assert out == f"14 records: {Path('kept', 'records.jsonl')}\n"
    _, err = call(capsys, "export", "kept", "--out", ".", code=2)
    assert "Only file is allowed" in err
    out, _ = call(capsys, "import", "kept/records.jsonl", "other")
    assert "14 records taken, 0 there before" in out
    with (folder / "kept" / "records.jsonl").open("a") as file:
        file.write("{torn\n")
    _, err = call(capsys, "import", "kept/records.jsonl", "other", code=2)
    assert "records.jsonl, line 15: torn or foreign" in err
    assert held(folder / "other") == held(folder / "kept")


def test_imported_records_without_a_study_are_told_of(folder: Path, capsys: Capture) -> None:
    words = ["compare", "mine.py", "--variants", "sam", "--no-controls", "--seeds", "2"]
    words += ["--engine", "here"]
    call(capsys, *words, "--out", "one")
    call(capsys, "export", "one", "--out", "all.jsonl")
    call(capsys, "import", "all.jsonl", "other")
    for command in (["compare", "other"], ["report", "other"]):
        _, err = call(capsys, *command, code=2)
        assert "'other' holds no study.json, which says what is compared: give the task or" in err
    out, err = call(capsys, *words, "--out", "other")  # as it says
    assert "4 of 4 runs were finished before" in err
    assert "The page: " in out


BAD = [
    (["compare", "study.toml", "--out", "mine.py"], 2, "Only directory is allowed"),
    (["compare", "study.toml", "--seeds", "0"], 2, "Must be >= 1."),
    (["compare", "study.toml", "--epochs", "3"], 2, "--epochs is for a task: a study says it in"),
    (["compare", "study.toml", "--no-controls"], 2, "--no-controls is for a task"),
    (["compare", "study.toml", "--data", "x"], 2, "--data is 'x', must be TASK=PATH"),
    (["compare", "mine.py", "--data", "a", "--data", "b"], 2, "--data is given 2 times"),
    (["compare", "study.toml", "--data", "x=y"], 2, "unknown task of the study 'x'"),
    (["compare", "study.toml", "--engine", "local:0"], 2, "jobs is 0, must be a whole number"),
    (["compare", "study.toml", "--engine", "dask://host:1"], 2, "unknown engine 'dask'"),
    (["import", "study.toml", "kept"], 2, "study.toml, line 2: torn"),
    (["export", "."], 2, "'.' has no records"),
]


@pytest.mark.parametrize(("words", "code", "said"), BAD, ids=[" ".join(words) for words, *_ in BAD])
def test_bad_input_is_named(
    folder: Path, capsys: Capture, words: Sequence[str], code: int, said: str
) -> None:
    _, err = call(capsys, *words, code=code)
    assert said in err
    assert "Traceback" not in err


def test_seeds_that_are_added_later_are_known(folder: Path, capsys: Capture) -> None:
    call(capsys, "compare", "study.toml", "--out", "kept")
    call(capsys, "compare", "study.toml", "--out", "kept", "--seeds", "3")
    study = json.loads((folder / "kept" / "study.json").read_text())
    assert (study["first_seeds"], study["seeds"]) == ([0, 1], [0, 1, 2])


def test_a_task_is_tuned_where_trials_are_asked_for(folder: Path, capsys: Capture) -> None:
    words = [
        "--variants",
        "sam",
        "msam:rho=0.1",
        "--trials",
        "6",
        "--seeds",
        "1",
        "--engine",
        "here",
    ]
    call(capsys, "compare", "mine.py", *words, "--no-controls", "--out", "kept")
    base, sam = compared(folder / "kept")["tuning"]
    assert (base["label"], base["trials"], sam["trials"]) == ("base", 6, 6)
    assert base["grids"].keys() == {"learning_rate", "weight_decay", "label_smoothing"}
    rates = {row["method"]["learning_rate"] for row in compared(folder / "kept")["variants"]}
    assert rates == {base["values"]["learning_rate"]}


def test_the_example_of_a_study_runs_without_a_network(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    text = (Path(__file__).parents[3] / "examples" / "study.toml").read_text()
    for key, few in {"seeds": 1, "tuning_seeds": 1, "trials": 1, "controls": "false"}.items():
        text = re.sub(rf"^{key} = .*$", f"{key} = {few}", text, count=1, flags=re.MULTILINE)
    (folder / "short.toml").write_text(f"epochs = 1\n{text}")
    out, _ = call(capsys, "compare", "short.toml", "--engine", "here")
    rows = compared(folder / "sssam-results/short")["variants"]
    labels = {row["method"]["label"] for row in rows}
    assert {"base", "SAM", "late half", "late half, EMA"} <= labels
    assert "The page: " in out
