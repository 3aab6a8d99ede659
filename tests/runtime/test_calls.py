"""What each call on the optimizer does at each stage of a step: the table of `runtime/calls.py`."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import sssam
from sssam.runtime.calls import END
from sssam.runtime.training import Stage
from sssam.schedules import constant
from tests.problems import BASES, Problem, same


def _optimizer(problem: Problem, p: float = 1.0) -> sssam.SSSAM:
    return sssam.SSSAM(
        BASES["momentum"](problem.params), schedule=constant(p), total_steps=9, model=False
    )


def _idle(problem: Problem, optimizer: Any) -> None:
    problem.loss(0).backward()


def _asked(problem: Problem, optimizer: Any) -> None:
    assert optimizer.will_ascend
    problem.loss(0).backward()


def _plain(problem: Problem, optimizer: Any) -> None:
    problem.loss(0).backward()
    assert not optimizer.ascend()


def _moved(problem: Problem, optimizer: Any) -> None:
    problem.loss(0).backward()
    assert optimizer.ascend()
    problem.loss(0).backward()


def _ready(problem: Problem, optimizer: Any) -> None:
    _moved(problem, optimizer)
    optimizer.conclude()


def _amid(problem: Problem, optimizer: Any) -> None:
    optimizer.loop = iter(optimizer.passes(problem.batch(0)))
    next(optimizer.loop).backward(problem.loss(0))


STAGES: dict[Stage, Callable[[Problem, Any], None]] = {
    "idle": _idle,
    "asked": _asked,
    "at w": _plain,
    "at w + e": _moved,
    "ready": _ready,
    "running": _amid,
}
#: The stage after a call, or the words of its error.
TABLE: dict[tuple[Stage, str], str] = {
    ("idle", "ascend"): "at w + e",
    ("asked", "ascend"): "at w + e",
    ("at w", "ascend"): "called twice",
    ("at w + e", "ascend"): "called twice",
    ("ready", "ascend"): "called twice",
    ("running", "ascend"): "called twice",
    ("idle", "step"): "was not called after backward",
    ("asked", "step"): "step 0 is sharpness-aware, but ascend",
    ("at w", "step"): "idle",
    ("at w + e", "step"): "idle",
    ("ready", "step"): "idle",
    ("running", "step"): "amid the passes of a step",
    ("idle", "conclude"): "was not called after backward",
    ("asked", "conclude"): "step 0 is sharpness-aware, but ascend",
    ("at w", "conclude"): "ready",
    ("at w + e", "conclude"): "ready",
    ("ready", "conclude"): "ready",
    ("running", "conclude"): "amid the passes of a step",
    ("idle", "zero_grad"): "idle",
    ("asked", "zero_grad"): "asked",
    ("at w", "zero_grad"): "idle",
    ("at w + e", "zero_grad"): "idle",  # gradients are there: the step was skipped
    ("ready", "zero_grad"): "idle",
    ("running", "zero_grad"): "running",
    ("idle", "restore"): "idle",
    ("asked", "restore"): "idle",
    ("at w", "restore"): "idle",
    ("at w + e", "restore"): "idle",
    ("ready", "restore"): "idle",
    ("running", "restore"): "idle",
    ("idle", "passes"): "running",  # at any stage but "ready" it gives up what has begun
    ("asked", "passes"): "running",
    ("at w", "passes"): "running",
    ("at w + e", "passes"): "running",
    ("ready", "passes"): "again before step",
    ("running", "passes"): "running",
}


@pytest.mark.parametrize(("stage", "call"), TABLE, ids=str)
def test_the_table(stage: Stage, call: str) -> None:
    problem = Problem()
    optimizer = _optimizer(problem, 0.0 if stage == "at w" else 1.0)
    w = [p.detach().clone() for p in problem.params]
    STAGES[stage](problem, optimizer)
    training, after = optimizer._training, TABLE[stage, call]
    assert training.stage == stage
    if after in STAGES:
        _called(problem, optimizer, call)
        assert training.stage == after
    else:
        with pytest.raises(RuntimeError, match=after):
            _called(problem, optimizer, call)
        assert training.stage == ("ready" if call == "passes" else "idle")
    if training.stage != "at w + e" and optimizer.steps == 0:
        assert same(problem.params, w)


def _called(problem: Problem, optimizer: Any, call: str) -> None:
    if call == "passes":
        optimizer.again = iter(optimizer.passes(problem.batch(0)))
        next(optimizer.again)
    else:
        getattr(optimizer, call)()


def test_the_table_has_each_call_at_each_stage() -> None:
    calls = ("ascend", "step", "conclude", "zero_grad", "restore", "passes")
    assert {*TABLE} == {(stage, call) for stage in STAGES for call in calls}
    assert {*END} == {*STAGES, "updating"}


@pytest.mark.parametrize(
    ("call", "after", "steps"), [("conclude", "ready", 0), ("step", "idle", 1)]
)
def test_asked_and_told_no_the_step_stays_at_w(call: str, after: Stage, steps: int) -> None:
    problem = Problem()
    optimizer = _optimizer(problem, 0.0)
    assert not optimizer.will_ascend
    problem.loss(0).backward()
    getattr(optimizer, call)()
    assert (optimizer._training.stage, optimizer.steps) == (after, steps)


def test_a_plain_step_ends_by_itself_or_is_given_up() -> None:
    problem = Problem()
    optimizer = _optimizer(problem, 0.0)
    problem.loss(0).backward()
    assert not optimizer.ascend()
    assert optimizer._training.stage == "at w"
    optimizer.zero_grad()
    assert (optimizer._training.stage, optimizer.steps) == ("idle", 0)
    assert not optimizer.will_ascend
    problem.loss(0).backward()
    optimizer.step()
    assert (optimizer.steps, optimizer.counters.forwards) == (1, 2.0)


def test_asked_and_told_no_the_method_s_own_step_is_made() -> None:
    """LookSAM's steps between its SAM steps are no plain ones, also where ascend() is left out."""
    ends = []
    for always in (True, False):
        problem = Problem()
        optimizer = sssam.LookSAM(BASES["sgd"](problem.params), rho=0.1, k=2, model=False)
        for t in range(4):
            acts = optimizer.will_ascend
            problem.loss(t).backward()
            if (always or acts) and optimizer.ascend():
                problem.loss(t).backward()
            optimizer.step()
            optimizer.zero_grad()
        ends.append(problem.params)
    assert same(*ends)


def test_reading_will_ascend_changes_nothing_that_a_loop_sees() -> None:
    problem = Problem(norm=True)
    optimizer = sssam.SAM(BASES["sgd"](problem.params), model=problem.model)
    before = [b.clone() for b in problem.model.buffers()], torch.get_rng_state()
    for _ in range(3):
        assert optimizer.will_ascend
        torch.rand(3)  # as a loader draws
    drawn = torch.get_rng_state()
    optimizer.restore()
    assert same(before[0], list(problem.model.buffers()))
    assert torch.equal(drawn, torch.get_rng_state())
