"""`sssam search`."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from sssam.lab.cli import main
from sssam.lab.report import page as report
from sssam.lab.search import objective
from sssam.lab.search.findings import Findings
from sssam.lab.specs import Record, Run


@pytest.mark.parametrize(
    ("words", "told_"),
    [
        (["--budgets", "1.1;2"], "--budgets is '1.1;2', must be numbers separated by commas"),
        (["--budgets", "1.1,1.1"], "each once"),
        (["--budgets", "1"], "budget must be above 1 and at most 2, not 1.0"),
        (["--fractions", "0.25", "--budgets", "1.5"], "name a lower budget or a larger fraction"),
        (["--rho", "0.2,0.1"], "rho must be a range"),
        (["--trials", "0"], "--trials must be at least 1, not 0"),
        (["--confirm", "0"], "--confirm must be at least 1, not 0"),
        (["--jobs", "0"], "--jobs must be at least 1, not 0"),
        (["--prune", "often"], "often"),
        (["--storage", "nonsense://x"], "nonsense"),
    ],
)
def test_bad_input_is_refused_before_training(
    words: list[str], told_: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "noisy-digits", "--out", str(tmp_path), *words]) == 2
    assert told_ in capsys.readouterr().err


def test_the_command_searches_goes_on_and_confirms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = lambda _, folder, **__: SimpleNamespace(page=folder / "comparison.html")  # noqa: E731
    monkeypatch.setattr(report, "write", page)
    words = ["search", "noisy-digits", "--epochs", "1", "--budgets", "1.25", "--seeds", "1"]
    words += ["--jobs", "1", "--out", str(tmp_path), "--trials"]
    assert main([*words, "1"]) == 0
    first = capsys.readouterr()
    assert first.err.splitlines()[0].startswith("1.25 tpe: 1 of 1, ")
    assert main([*words, "2", "--confirm", "2"]) == 0
    output = capsys.readouterr()
    assert output.err.splitlines()[0].startswith("1.25 tpe: 2 of 2, ")
    assert "At 1.25 propagations the best of 2 TPE trials" in output.out
    fresh = [line for line in output.out.splitlines() if line.startswith("On fresh seeds")]
    assert len(fresh) == 1
    assert "at 1.25: found 1.25 (" in fresh[0]
    assert "n = 2)" in fresh[0]
    assert f"The page: {tmp_path / 'confirm' / 'comparison.html'}" in output.out
    kept = Findings.model_validate_json((tmp_path / "search.json").read_bytes())
    assert [len(one.candidates) for one in kept.searches] == [2, 2]
    assert (tmp_path / "front.svg").read_text().startswith("<svg")
    records = [
        Record.model_validate_json(path.read_bytes())
        for path in (tmp_path / "confirm" / "records").glob("*.json")
    ]
    assert {record.run.seed for record in records} == {0, 1}
    assert all(record.test_accuracy is not None for record in records)


def test_a_task_that_raises_fails_its_trials_and_the_exit_code_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def raising(run: Run, **_: object) -> Record:
        raise ArithmeticError("the user's own")

    monkeypatch.setattr(objective, "train", raising)
    words = ["search", "noisy-digits", "--epochs", "1", "--budgets", "1.25", "--no-baseline"]
    assert main([*words, "--jobs", "1", "--trials", "2", "--out", str(tmp_path)]) == 1
    output = capsys.readouterr().err
    assert "1.25 tpe: 2 of 2" in output
    assert "failed: 1.25 tpe, trial 1: ArithmeticError: the user's own" in output
