"""A late block that never comes is reported where the training's end is known, once."""

import subprocess
import sys
import warnings
from typing import Any

import pytest
import torch

import sssam
from sssam.core.counters import Counters
from sssam.runtime.unfinished import WatchedTraining, complaint, ended, forget
from sssam.schedules import Schedule, constant, late, linear
from sssam.schedules.progress import Progress

LOOP = """
import sys, torch, sssam
def train(steps, optimizer=None, by=None):
    w = torch.nn.Parameter(torch.ones(3))
    schedule = sssam.schedules.late(0.25)
    base = torch.optim.SGD([w], lr=0.1)
    total = None if by else 100
    new = sssam.SSSAM(base, schedule=schedule, total_steps=total, model=False)
    if optimizer is not None:
        new.load_state_dict(optimizer.state_dict())
    for t in range(steps):
        if by:
            new.progress = t / by
        for p in new.passes(torch.ones(2)):
            p.backward((w ** 2).sum())
        new.step()
    return new
"""


def _said(code: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", LOOP + code], capture_output=True, text=True, check=True, timeout=120
    )
    return ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("lengths", "count"), [([60], 1), ([60, 70], 2), ([100], 0), ([95], 0), ([5], 0)]
)
def test_at_exit_one_warning_of_the_last_such_training(lengths: list[int], count: int) -> None:
    """The optimizers are collected long before."""
    said = _said(f"for steps in {lengths}: train(steps)")
    assert said.count("UserWarning") == min(count, 1)
    if count:
        text = f"after {lengths[-1]} of total_steps=100, with 0 sharpness-aware steps of the 25"
        assert text in said
        assert ("(2 such trainings" in said) == (count == 2)


def test_before_a_person_it_is_said_when_the_optimizer_is_let_go() -> None:
    """As in a notebook, whose exit nobody sees."""
    said = _said("sys.ps1 = '>>> '; o = train(60); print('A'); o = train(100); print('B')")
    before, after = said.split("A\n")[0], said
    assert "training ended after 60 of total_steps=100" in after
    assert after.count("UserWarning") == 1
    assert "training ended" not in before.split("UserWarning")[0]


def test_a_training_that_goes_on_from_its_checkpoint_has_not_ended() -> None:
    assert "UserWarning" not in _said("o = train(40, train(60))")
    assert "after 75 of total_steps=100" in (said := _said("o = train(15, train(60))"))
    assert "such trainings" not in said


def test_under_a_progress_of_one_s_own() -> None:
    said = _said("train(60, by=100)")
    assert "after 60 steps at progress 0.59, with 0 sharpness-aware steps of the share 0.25" in said
    assert "UserWarning" not in _said("train(95, by=100)")


def _optimizer(steps: int) -> Any:
    w = torch.nn.Parameter(torch.ones(3))
    base = torch.optim.SGD([w], lr=0.1)
    optimizer = sssam.SSSAM(base, schedule=late(0.25), total_steps=100, model=False)
    optimizer._training.counters.steps = steps
    return optimizer


def test_a_trainer_says_it_once_at_its_own_end() -> None:
    optimizer = _optimizer(60)
    with pytest.warns(UserWarning, match="training ended after 60 of total_steps=100"):
        ended(optimizer._training)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ended(optimizer._training)
        ended(_optimizer(100)._training)
        other = _optimizer(60)
        forget(other._training)
        ended(other._training)


@pytest.mark.parametrize(
    ("schedule", "steps", "ascents", "speaks"),
    [
        (late(0.5), 60, 10, True),
        (late(0.5), 80, 30, False),
        (linear(0, 1), 30, 4, True),
        (linear(1, 0), 30, 26, False),
        (constant(0.5), 40, 20, False),
        (constant(0.0), 40, 0, False),
        (late(0.5), 100, 50, False),
    ],
)
def test_what_counts_as_too_early(
    schedule: Schedule, steps: int, ascents: int, speaks: bool
) -> None:
    counters = Counters(steps, ascents)
    assert (complaint(WatchedTraining(counters, schedule, 100, None)) is not None) == speaks
    by_progress = complaint(WatchedTraining(counters, schedule, None, Progress(steps / 100)))
    assert (by_progress is not None) == speaks
