"""Solutions as they are opened: a user's own task, and the line between two."""

from pathlib import Path

import pytest
import torch

from sssam.lab import flatness
from sssam.lab.cli import main
from sssam.lab.pages.landscapes import Measured
from sssam.lab.specs import Record
from sssam.lab.training import checkpoints
from sssam.sharpness import loss_line


def test_the_line_ends_at_both_solutions(trained: dict[str, tuple[Path, Record]]) -> None:
    one, other = (flatness.opened(trained[name][0]) for name in ("base", "SAM"))
    line = flatness.between(one, other)
    ends = [trained[name][1].train_loss for name in ("base", "SAM")]
    assert [line.profile.loss[0], line.profile.loss[-1]] == pytest.approx(ends, rel=1e-5)
    assert line.barrier >= 0
    assert len(line.profile.score) == 21


def test_a_line_of_other_models_is_refused(trained: dict[str, tuple[Path, Record]]) -> None:
    one, other = (flatness.opened(trained[name][0]) for name in ("base", "resnet"))
    text = "between different models, mlp 8 of tiny and resnet8 2 of tiny: measure them one"
    with pytest.raises(ValueError, match=text):
        flatness.between(one, other)


def test_the_line_has_the_first_ones_samples_and_statistics_found_anew_on_them(
    trained: dict[str, tuple[Path, Record]],
) -> None:
    one = flatness.opened(trained["resnet"][0], 64)
    other = flatness.opened(trained["resnet SAM"][0], 32)
    ends = one.model.state_dict(), other.model.state_dict()
    expected = loss_line(*one.given, *ends, statistics=one.batches)
    interpolated = loss_line(*one.given, *ends)
    found = flatness.between(one, other)
    assert found.profile.loss == tuple(expected.loss.tolist()) != tuple(interpolated.loss.tolist())
    assert found.barrier == expected.barrier


def test_a_line_through_losses_that_are_not_finite_has_no_barrier(
    trained: dict[str, tuple[Path, Record]],
) -> None:
    one, other = (flatness.opened(trained[name][0], 32) for name in ("base", "SAM"))
    with torch.no_grad():
        next(other.model.parameters()).fill_(float("inf"))
    found = flatness.between(one, other)
    assert found.barrier is None
    assert None in found.profile.loss


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
    assert (
        main(["sharpness", str(checkpoint), "--probes", "2", "--out", str(tmp_path / "flat")]) == 0
    )
    written = (tmp_path / "flat" / "sharpness.json").read_text()
    (held,) = Measured.model_validate_json(written).flatness
    record = Record.model_validate_json(next((tmp_path / "out").rglob("*.json")).read_text())
    assert (held.samples, held.weights) == (30, 10)
    assert held.loss == pytest.approx(record.train_loss, rel=1e-5)


def test_solutions_of_two_tasks_are_told_apart_and_each_names_its_samples(
    trained: dict[str, tuple[Path, Record]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, state = checkpoints.read(trained["base"][0])
    data = run.task.data.model_copy(update={"train": 40})
    other = run.task.model_copy(update={"name": "forty", "data": data})
    kept = {k: v for k, v in state.items() if k not in ("format", "run")}
    checkpoints.save(tmp_path / "forty.pt", run.model_copy(update={"task": other}), kept)
    paths = [str(trained["base"][0]), str(tmp_path / "forty.pt")]
    assert main(["sharpness", *paths, "--probes", "2", "--out", str(tmp_path / "out")]) == 0
    head, samples, *_ = capsys.readouterr().out.splitlines()
    assert "tiny, base, seed 0, epoch 3" in head
    assert "forty, base, seed 0, epoch 3" in head
    assert samples.split() == ["training", "samples", "96", "40"]
