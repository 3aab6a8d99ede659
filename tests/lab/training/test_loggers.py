"""What loggers get, what they are named, and the error where a library is missing."""

import csv
import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny import SSSAM, run, same_but_times

from sssam.lab.runs import dispatch
from sssam.lab.runs.worker import Settings
from sssam.lab.training import loggers
from sssam.lab.training.train import train

NAME = f"SS-SAM-seed0-{run(SSSAM).id[:6]}"


def test_csv_holds_the_curve_and_changes_no_record(tmp_path: Path) -> None:
    asked = run(SSSAM)
    record = train(asked, logged=loggers.make("csv", asked, tmp_path))
    with (tmp_path / "logs" / "tiny" / NAME / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [3, 6, 9]
    for row, point in zip(rows, record.curve, strict=True):
        for name in ("train_loss", "validation_accuracy", "propagations", "learning_rate"):
            assert float(row[name]) == pytest.approx(getattr(point, name))
    assert same_but_times(record) == same_but_times(train(asked))


def test_a_study_logs_each_run_again_over_what_was_there(tmp_path: Path) -> None:
    for folder in (tmp_path / "records", tmp_path / "anew"):
        dispatch.run_missing([run(SSSAM)], folder, settings=Settings(logger="csv"))
    assert len((tmp_path / "logs" / "tiny" / NAME / "metrics.csv").read_text().splitlines()) == 4


def test_tensorboard_writes_events(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    asked = run(SSSAM)
    train(asked, logged=loggers.make("tensorboard", asked, tmp_path))
    (events,) = (tmp_path / "logs" / "tiny" / NAME).glob("events.out.tfevents.*")
    assert events.read_bytes().count(b"validation_accuracy") == 3


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_missing_library_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(module: str) -> Any:
        if module == name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return SimpleNamespace()

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ModuleNotFoundError, match=f"needs the library '{name}'.*pip install"):
        loggers.check(name)


def test_an_unknown_logger_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown logger 'tensorbord': did you mean 'tensorboard'"):
        loggers.check("tensorbord")


@pytest.mark.parametrize(("name", "kind"), [("mlflow", "MLFlowLogger"), ("wandb", "WandbLogger")])
def test_loggers_of_lightning_are_made_and_ended(
    name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The libraries themselves are not installed here: what they would be given."""
    said: list[Any] = []

    class Stand:
        experiment = SimpleNamespace(finish=lambda: said.append("finished"))

        def __init__(self, *positional: Any, **named: Any) -> None:
            said.append({**named, "positional": positional})

        def finalize(self, status: str) -> None:
            said.append(status)

    monkeypatch.setattr(importlib, "import_module", lambda _: SimpleNamespace(**{kind: Stand}))
    made = loggers.make(name, run(SSSAM), tmp_path)
    with pytest.raises(KeyError), loggers.closing(made):
        raise KeyError
    assert NAME in said[0].values()
    assert said[1:] == ["failed", "finished"]
