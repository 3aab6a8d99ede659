"""`sssam search`: a study that chooses a schedule at a price, and judges it on fresh seeds."""

from pathlib import Path

import pytest
from commands import Capture, call, compared, held

from sssam.lab.cli import main
from sssam.lab.report import page as report
from sssam.lab.runs import worker
from sssam.lab.specs import Record, Run


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--budgets", "1.1,2"], 'unable to convert "1.1,2" into float'),
        (["--budgets", "1"], "--budgets. Must be > 1."),
        (["--budgets", "2.1"], "--budgets. Must be <= 2."),
        (["--fractions", "0.25", "--budgets", "1.5"], "budget must be from 1 "),
        (["--trials", "0"], "--trials. Must be >= 1."),
        (["--seeds", "0"], "--seeds. Must be >= 1."),
        (["--engine", "locl:2"], "unknown engine 'locl': did you mean 'local'"),
    ],
)
def test_bad_input_is_refused_before_training(
    words: list[str], error: str, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["search", "noisy-digits", "--out", str(tmp_path), *words]) == 2
    assert error in capsys.readouterr().err


def invented(run: Run, **how: object) -> Record:
    """A record without training: late blocks are best, and the nearer rho is to 0.2, the better."""
    accuracy = 0.8 / (1 + abs(run.method.rho - 0.2)) + 0.1 * ("late" in str(run.method.schedule))
    test = accuracy + run.seed / 1000 if how.get("test") else None
    cost = {"steps": 9, "propagations": 1.25}
    return Record(
        run=run, outcome="finished", validation_accuracy=accuracy, test_accuracy=test, **cost
    )


def test_the_command_chooses_on_validation_data_and_judges_on_fresh_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(worker, "train", invented)
    monkeypatch.setattr(report, "figures", lambda _: [])
    monkeypatch.setattr("sssam.lab.cli.studies.after_runs", lambda *_: None)
    words = ["search", "noisy-digits", "--budgets", "1.25", "--seeds", "2", "--trials", "12"]
    out, _ = call(capsys, *words, "--engine", "here", "--out", tmp_path)
    assert f"The page: {tmp_path / 'comparison.html'}" in out
    variants = {v["method"]["label"]: v["method"] for v in compared(tmp_path)["variants"]}
    assert variants["found 1.25"]["rho"] == 0.2
    assert "late(0.25)" in out
    records = held(tmp_path).values()
    assert {r.run.seed for r in records if r.test_accuracy is not None} == {0, 1}
    assert {r.run.seed for r in records if r.test_accuracy is None} == {1000, 1001, 1002}
    again = dict(held(tmp_path))
    call(capsys, "compare", tmp_path, "--engine", "here")
    assert held(tmp_path).keys() == again.keys()
