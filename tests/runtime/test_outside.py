"""The base's own `step()` amid a step of its wrapper's is an error, and nothing is lost."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

import sssam
from sssam.schedules import Schedule
from tests.problems import BASES, Problem, by_two_lines, flat


def two_lines(problem: Problem, optimizer: sssam.SharpnessAware, base: Optimizer) -> None:
    problem.loss(0).backward()
    if optimizer.ascend():
        problem.loss(0).backward()
    base.step()


def asked(problem: Problem, optimizer: sssam.SharpnessAware, base: Optimizer) -> None:
    assert optimizer.will_ascend is not None
    problem.loss(0).backward()
    base.step()


def by_passes(problem: Problem, optimizer: sssam.SharpnessAware, base: Optimizer) -> None:
    for p in optimizer.passes(problem.batch(0)):
        p.backward(cross_entropy(problem.model(p.x), p.y))
    base.step()


def in_a_closure(problem: Problem, optimizer: sssam.SharpnessAware, base: Optimizer) -> None:
    def closure() -> torch.Tensor:
        loss = problem.loss(0)
        loss.backward()
        base.step()
        return loss

    optimizer.step(closure)


def scaled(problem: Problem, optimizer: sssam.SharpnessAware, base: Optimizer) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    scaler.scale(problem.loss(0)).backward()
    if optimizer.ascend(scaler=scaler):
        scaler.scale(problem.loss(0)).backward()
    scaler.step(base)


FORMS = [two_lines, asked, by_passes, in_a_closure, scaled]
each_form = pytest.mark.parametrize("form", FORMS)
Form = Callable[[Problem, sssam.SharpnessAware, Optimizer], None]


@each_form
@pytest.mark.parametrize("schedule", [sssam.schedules.constant(1.0), sssam.schedules.late(0.5)])
def test_it_is_refused_at_w(form: Form, schedule: Schedule) -> None:
    """On a sharpness-aware step and on a plain one: there the steps would never be counted."""
    problem = Problem()
    base = BASES["momentum"](problem.params)
    optimizer = sssam.SSSAM(base, schedule=schedule, total_steps=10, model=problem.model)
    w = flat(problem.params)
    with pytest.raises(RuntimeError, match=r"step\(\) of the wrapped SGD was called amid a step"):
        form(problem, optimizer, base)
    assert torch.equal(flat(problem.params), w)
    assert not base.state
    problem.model.zero_grad()
    by_two_lines(problem, optimizer, 10)
    assert optimizer.steps == 10


def test_it_is_the_loop_s_own_once_a_step_is_over_or_given_up() -> None:
    problem = Problem()
    base = BASES["momentum"](problem.params)
    optimizer = sssam.SAM(base, model=problem.model)
    by_two_lines(problem, optimizer, 2)
    base.step()
    assert optimizer.will_ascend
    optimizer.restore()
    base.step()


def test_the_last_wrapper_has_the_say_and_copies_have_their_own() -> None:
    problem = Problem()
    base = BASES["momentum"](problem.params)
    left = sssam.SAM(base, model=False)
    problem.loss(0).backward()
    assert left.ascend()  # a notebook's cell, interrupted
    left.restore()
    assert left.will_ascend
    optimizer = sssam.SAM(base, model=False)
    copied = copy.deepcopy(optimizer)
    by_two_lines(problem, optimizer, 2)
    assert copied.will_ascend
    base.step()
    with pytest.raises(RuntimeError, match="was called amid a step"):
        copied.bases[0].step()


def test_a_base_without_hooks_is_left_alone() -> None:
    class Foreign(Optimizer):
        def __init__(self, params: list[nn.Parameter]) -> None:
            self.param_groups = [{"params": params, "lr": 0.1}]
            self.state, self.defaults = {}, {}  # type: ignore[assignment]

        def step(self, closure: object = None) -> None:  # type: ignore[override]
            for p in self.param_groups[0]["params"]:
                p.data.sub_(p.grad, alpha=0.1)

        def zero_grad(self, set_to_none: bool = True) -> None:
            for p in self.param_groups[0]["params"]:
                p.grad = None

    problem = Problem()
    optimizer = sssam.SAM(Foreign(problem.params), model=problem.model)
    by_two_lines(problem, optimizer, 2)
    assert optimizer.steps == 2
