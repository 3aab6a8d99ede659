"""`sssam time`, and the same after a study's runs, on a made-up clock."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sssam.lab.cli import main, studies
from sssam.lab.report import page as report
from sssam.lab.specs import timing as stored
from sssam.lab.studies import conduct
from sssam.lab.training import blocks, timing

AFTER_RUNS = studies.after_runs
COMPARE = ["compare", "noisy-digits", "--variants", "SAM", "--no-controls", "--epochs", "1"]
COMPARE += ["--seeds", "1", "--engine", "here", "--quiet", "--out"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A millisecond a pass; every other block of a variant's takes `noise` times as long."""
    made = SimpleNamespace(noise=1.0, measured=0)

    def timed(stretches: Any, *_: Any, **__: Any) -> dict[int, list[float]]:
        made.measured += 1
        for stretch in stretches.values():
            stretch()
        each = {i: 1e-3 * s.steps * s.passes for i, s in stretches.items()}
        return {i: [x, made.noise * x if i else x] * 8 for i, x in each.items()}

    monkeypatch.setattr(blocks, "timed", timed)
    monkeypatch.setattr(studies, "after_runs", AFTER_RUNS)
    monkeypatch.setattr(timing, "quickest", lambda _: timing.TARGET / 7.5)
    monkeypatch.setattr(report, "write", lambda *_, **__: [""])
    return made


def test_a_task_s_variants_in_a_table_and_a_file(
    clock: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["time", "noisy-digits", "--variants", "SAM", "SS-SAM late sixteenth"]
    assert main([*words, "--out", f"{tmp_path}"]) == 0
    output = capsys.readouterr()
    lines = [line.split("  ") for line in output.out.splitlines()]
    found = {line[0]: [cell.strip() for cell in line[1:] if cell.strip()] for line in lines}
    assert found["SAM"][:2] == ["2.000", "2.00 [2.00, 2.00]"]
    assert found["SS-SAM late sixteenth"][:2] == ["1.062", "1.06 [1.06, 1.06]"]
    assert found["base 1/4 length"][:2] == ["0.250", "0.25 [0.25, 0.25]"]
    assert found["base EMA"][:2] == ["1.000", "1.00 [1.00, 1.00]"]
    assert "too noisy" not in output.out
    assert len(stored.read(tmp_path)) == 11
    assert output.out.splitlines()[-1] == f"The timings: {tmp_path / stored.FILE}"


def test_a_noisy_clock_is_said(
    clock: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.noise = 1.25
    assert main(["time", "noisy-digits", "--out", f"{tmp_path}"]) == 0
    assert "too noisy to state a price of every variant" in capsys.readouterr().out


def test_a_comparison_is_timed_once_after_its_runs(clock: Any, tmp_path: Path) -> None:
    assert main([*COMPARE, f"{tmp_path}"]) == 0
    assert clock.measured == 1
    assert sorted(each.ratio for each in stored.read(tmp_path).values()) == [1, 2]
    assert main([*COMPARE, f"{tmp_path}"]) == 0
    assert clock.measured == 1
    assert main(["time", f"{tmp_path}"]) == 0
    assert clock.measured == 2
    assert len(stored.read(tmp_path)) == 2


def test_what_goes_wrong_after_the_runs_is_said_and_stops_nothing(
    clock: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no clock")

    monkeypatch.setattr(conduct, "measure", fail)
    assert main([*COMPARE, f"{tmp_path}"]) == 0
    assert capsys.readouterr().err == "no seconds on noisy-digits: no clock\n"


def test_bad_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["time", "noisy-digits", "--epochs", "0", "--out", f"{tmp_path}"]) == 2
    assert "--epochs. Must be >= 1." in capsys.readouterr().err
