"""What a command's runs are trained by: one value of settings, and each record read once."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.console import Console
from tiny import BASE, run

from sssam.lab.engines import Here
from sssam.lab.runs import store as records
from sssam.lab.runs.trainer import Trainer
from sssam.lab.runs.worker import Settings
from sssam.lab.specs import Record
from sssam.lab.specs.flatness import FlatnessSettings

CONSOLE = Console(stderr=True)
RUNS = [run(BASE, seed) for seed in range(3)]
PLAN = FlatnessSettings(samples=32, eigenvalues=1, probes=2, radii=(0.1,), adaptive_radii=(0.1,))


def test_a_record_is_read_once_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Trainer(tmp_path, Here(), Settings(), CONSOLE, quiet=True)(RUNS[:2], test=True)
    read: Counter[str] = Counter()
    look = records._read

    def counted(paths: Iterable[Path]) -> records.Records:
        found = look(paths)
        read.update([*found.by_id])
        return found

    monkeypatch.setattr(records, "_read", counted)
    trainer = Trainer(tmp_path, Here(), Settings(), CONSOLE, quiet=True)
    for asked in (RUNS[:2], RUNS[1:], RUNS):
        assert set(trainer(asked, test=True)) >= {each.id for each in asked}
    assert read == {each.id: 1 for each in RUNS[:2]}  # the third is known since it was made
    assert set(trainer.stored) == {each.id for each in RUNS}


def test_what_is_chosen_by_has_neither_test_set_nor_flatness_and_comparing_adds_them(
    tmp_path: Path,
) -> None:
    trainer = Trainer(tmp_path, Here(), Settings(flatness=PLAN), CONSOLE, quiet=True)
    chosen = trainer(RUNS[:1])[RUNS[0].id]
    assert chosen.validation_accuracy is not None
    assert (chosen.test_accuracy, chosen.flatness, chosen.flatness_error) == (None, None, None)
    compared = trainer(RUNS[:1], test=True)[RUNS[0].id]
    assert compared.test_accuracy is not None
    assert compared.flatness is not None
    assert trainer(RUNS[:1])[RUNS[0].id] == compared


def test_runs_that_failed_are_tried_again_once_where_that_is_asked_for(tmp_path: Path) -> None:
    failed = Record(run=RUNS[0], outcome="failed", error="unlucky")
    records.write(failed, tmp_path)
    console = Console(quiet=True)
    assert Trainer(tmp_path, Here(), Settings(), console)(RUNS[:1]) == {failed.id: failed}
    again = Trainer(tmp_path, Here(), Settings(), console, retry_failed=True)
    assert again(RUNS[:1])[failed.id].outcome != "failed"
    (moved,) = (tmp_path / "quarantine").iterdir()
    assert Record.model_validate_json(moved.read_bytes()) == failed
    assert again(RUNS[:1]) == again.stored
    assert again.trained == 1
