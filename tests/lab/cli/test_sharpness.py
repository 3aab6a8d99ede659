"""`sssam sharpness`: checkpoints -> a table, numbers and figures."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from sssam.lab.cli import main
from sssam.lab.report.sharpness import Sharpness
from sssam.lab.specs import Record
from sssam.lab.training import checkpoints

FEW = ["--samples", "32", "--rho", "0.1"]


def test_one_checkpoint_on_the_command_line(
    trained: dict[str, tuple[Path, Record]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sharpness", str(trained["base"][0]), *FEW, "--out", str(tmp_path)]
    assert main(words) == 0
    output = capsys.readouterr().out
    for name in ("training samples      ", "adaptive trace", "rise within rho 0.1, worst"):
        assert name in output
    stored = Sharpness.model_validate_json((tmp_path / "sharpness.json").read_text())
    assert stored.solutions[0].run == trained["base"][1].run
    picture = ElementTree.parse(tmp_path / "landscape.svg").getroot()
    assert picture.attrib["aria-label"].startswith("Line plot of the training loss along")


def test_two_checkpoints_on_the_command_line(
    trained: dict[str, tuple[Path, Record]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [str(trained[name][0]) for name in ("resnet", "resnet SAM")]
    assert main(["sharpness", *paths, *FEW]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert " ".join(head.split()) == "base, seed 0, epoch 1 SAM, seed 0, epoch 1"
    ids = [trained[name][1].id for name in ("resnet", "resnet SAM")]
    folder = Path("sssam-results", "tiny", "sharpness", "-".join(ids))
    stored = Sharpness.model_validate_json((folder / "sharpness.json").read_text())
    assert [each.run.id for each in stored.solutions] == ids
    assert (folder / "landscape.svg").exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--rho", "0"], "--rho. Must be > 0."),
        (["--rho", "inf"], "--rho. Must be < inf."),
        (["--samples", "0"], "--samples. Must be >= 1."),
    ],
)
def test_bad_arguments_are_refused(
    trained: dict[str, tuple[Path, Record]],
    words: list[str],
    text: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sharpness", str(trained["base"][0]), *words]) == 2
    assert text in capsys.readouterr().err


def test_files_that_are_no_checkpoint_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torn, foreign = tmp_path / "torn.pt", tmp_path / "foreign.pt"
    torn.write_bytes(b"torn")
    torch.save({"model": {}}, foreign)
    for path in (torn, foreign, tmp_path / "missing.pt"):
        assert main(["sharpness", str(path)]) == 2
        assert path.name in capsys.readouterr().err


def test_a_run_that_diverged_has_no_flatness(
    trained: dict[str, tuple[Path, Record]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    each, state = checkpoints.read(trained["base"][0])
    next(iter(state["model"].values())).fill_(float("nan"))
    path = tmp_path / "diverged.pt"
    checkpoints.save(path, each, {k: v for k, v in state.items() if k not in ("format", "run")})
    assert main(["sharpness", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "there is no sharpness to measure" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


OWN = """
import torch
from torch import Tensor, nn

from sssam.lab import Problem

SETTINGS = {"epochs": 1, "batch_size": 16}


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.head(left * right)


def task(seed: int) -> Problem:
    left, right = torch.randn(60, 4), torch.randn(60, 4)
    y = (left[:, 0] * right[:, 0] > 0).long()
    train, validation, test = (
        ({"left": left[part], "right": right[part]}, y[part])
        for part in (slice(0, 30), slice(30, 45), slice(45, 60))
    )
    return Problem(model=Two(), train=train, validation=validation, test=test)
"""


def test_a_users_own_task_with_inputs_by_name_is_measured_on_its_training_samples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, checkpoint = tmp_path / "own.py", tmp_path / "own.pt"
    code.write_text(OWN)
    words = ["--method", "base", "--checkpoint", str(checkpoint), "--out", str(tmp_path / "out")]
    assert main(["train", str(code), *words]) == 0
    assert main(["sharpness", str(checkpoint), "--out", str(tmp_path / "flat")]) == 0
    written = (tmp_path / "flat" / "sharpness.json").read_text()
    (stored,) = Sharpness.model_validate_json(written).solutions
    record = Record.model_validate_json(next((tmp_path / "out").rglob("*.json")).read_text())
    assert (stored.flatness.samples, stored.flatness.weights) == (30, 10)
    assert stored.flatness.loss == pytest.approx(record.train_loss, rel=1e-5)


def test_solutions_of_two_tasks_are_told_apart_and_each_names_its_samples(
    trained: dict[str, tuple[Path, Record]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, state = checkpoints.read(trained["base"][0])
    data = run.task.data.model_copy(update={"train": 40})
    other = run.task.model_copy(update={"name": "forty", "data": data})
    kept = {k: v for k, v in state.items() if k not in ("format", "run")}
    checkpoints.save(tmp_path / "forty.pt", run.model_copy(update={"task": other}), kept)
    paths = [str(trained["base"][0]), str(tmp_path / "forty.pt")]
    assert main(["sharpness", *paths, "--out", str(tmp_path / "out")]) == 0
    head, samples, *_ = capsys.readouterr().out.splitlines()
    assert "tiny, base, seed 0, epoch 3" in head
    assert "forty, base, seed 0, epoch 3" in head
    assert samples.split() == ["training", "samples", "96", "40"]
