"""`sssam search`."""

from pathlib import Path

import pytest

from sssam.lab.cli import main
from sssam.lab.report import page as report
from sssam.lab.runs import worker
from sssam.lab.search import Results, confirm
from sssam.lab.specs import Record, Run


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--budgets", "1.1,2"], 'unable to convert "1.1,2" into float'),
        (["--budgets", "1"], "budget must be greater than 1, not 1.0"),
        (["--fractions", "0.25", "--budgets", "1.5"], "name a lower budget or a larger fraction"),
        (["--rho", "0.2", "0.1"], "rho must be a range"),
        (["--trials", "0"], "--trials. Must be >= 1."),
        (["--confirm", "0"], "--confirm. Must be >= 1."),
        (["--generation", "0"], "--generation. Must be >= 1."),
        (["--engine", "locl:2"], "unknown engine 'locl': did you mean 'local'"),
    ],
)
def test_bad_input_is_refused_before_training(
    words: list[str], error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "noisy-digits", "--out", str(tmp_path), *words]) == 2
    assert error in capsys.readouterr().err


def test_the_command_searches_goes_on_and_confirms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = lambda _, folder, **__: [folder / "comparison.html"]  # noqa: E731
    monkeypatch.setattr(report, "write", page)
    words = ["search", "noisy-digits", "--epochs", "1", "--budgets", "1.25", "--seeds", "1"]
    words += ["--engine", "here", "--out", str(tmp_path), "--trials"]
    assert main([*words, "1"]) == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "records").glob("*.json")}
    assert len(before) == 1
    assert main([*words, "2", "--confirm", "2"]) == 0
    output = capsys.readouterr()
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "records").glob("*.json")}
    assert len(after) == 2
    assert before.items() <= after.items()
    assert "found 1.25 (" in output.out
    assert f"The page: {tmp_path / 'confirm' / 'comparison.html'}" in output.out
    kept = Results.model_validate_json((tmp_path / "search.json").read_bytes())
    assert [len(one.candidates) for one in kept.searches] == [2]
    records = [
        Record.model_validate_json(path.read_bytes())
        for path in (tmp_path / "confirm" / "records").glob("*.json")
    ]
    fresh_ones = [record for record in records if record.run.seed < 1000]  # others tune SAM
    assert {record.run.seed for record in fresh_ones} == {0, 1}
    assert all(record.test_accuracy is not None for record in fresh_ones)


def test_a_task_that_raises_fails_its_trials_and_the_exit_code_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def raising(run: Run, **_: object) -> Record:
        raise ArithmeticError("the user's own")

    monkeypatch.setattr(worker, "train", raising)
    words = ["search", "noisy-digits", "--epochs", "1", "--budgets", "1.25"]
    words += ["--engine", "here", "--seeds", "1", "--trials", "2", "--out", str(tmp_path)]
    assert main(words) == 1
    output = capsys.readouterr().err
    assert "seed 2000 and 1 more: ArithmeticError: the user's own" in output
    assert "2 of the study's runs failed" in output
    with pytest.raises(ValueError, match="nothing to confirm"):
        confirm(Results.model_validate_json((tmp_path / "search.json").read_bytes()), 2)
