"""The line between two solutions."""

from pathlib import Path

import pytest
import torch

from sssam.lab.specs import Record
from sssam.lab.training import flatness
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
