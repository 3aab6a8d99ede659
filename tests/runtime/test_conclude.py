"""conclude(): what the base gets, at w, before step(); for loops that clip it or look at it."""

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.amp import GradScaler

import sssam
from tests.problems import BASES, Problem, by_two_lines, flat, same
from tests.table import TABLE


def _step(problem: Problem, optimizer: Any, t: int, scaler: GradScaler) -> None:
    moved = optimizer.method.facts.opening == "moved"
    if moved:
        optimizer.ascend(scaler=scaler)
    scaler.scale(problem.loss(t)).backward()
    if not moved and optimizer.ascend(scaler=scaler):
        scaler.scale(problem.loss(t)).backward()
    optimizer.conclude(scaler=scaler)


@pytest.mark.parametrize("enabled", [False, True])
@pytest.mark.parametrize("name", [name for name in TABLE if TABLE[name].two_lines])
def test_it_changes_no_iterate(name: str, enabled: bool) -> None:
    one, other = Problem(norm=True), Problem(norm=True)
    plain = TABLE[name].build(BASES["momentum"](one.params), one.model)
    ended = TABLE[name].build(BASES["momentum"](other.params), other.model)
    scaler = GradScaler("cpu", init_scale=2.0**10, enabled=enabled)
    by_two_lines(one, plain, 20)
    for t in range(20):
        before = flat(other.params)
        _step(other, ended, t, scaler)
        assert torch.equal(flat(other.params), before)
        assert ended.phase == "plain"
        scaler.step(ended)
        scaler.update()
        ended.zero_grad()
    assert same(one.params, other.params)
    assert same(list(one.model.buffers()), list(other.model.buffers()))
    assert (plain.counters.forwards, plain.counters.backwards) == (
        ended.counters.forwards,
        ended.counters.backwards,
    )


def _mixed(problem: Problem) -> sssam.SAM:
    base = torch.optim.SGD(problem.params, lr=1.0)
    return sssam.SAM(base, rho=0.1, mix=0.4, model=problem.model)


@pytest.mark.parametrize("enabled", [False, True])
def test_a_clip_after_it_acts_on_the_mix(enabled: bool) -> None:
    problem = Problem()
    optimizer = _mixed(problem)
    scaler = GradScaler("cpu", init_scale=2.0**10, enabled=enabled)
    before = flat(problem.params)
    _step(problem, optimizer, 0, scaler)
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(problem.params, 1e-3)
    scaler.step(optimizer)
    assert (flat(problem.params) - before).norm().item() == pytest.approx(1e-3, rel=1e-2)


def test_a_step_that_is_skipped_after_it_stands_at_w_at_once() -> None:
    problem = Problem()
    optimizer, scaler = _mixed(problem), GradScaler("cpu", init_scale=2.0**10)
    before = flat(problem.params)
    scaler.scale(problem.loss(0)).backward()
    optimizer.ascend(scaler=scaler)
    scaler.scale(problem.loss(0) * math.inf).backward()
    optimizer.conclude(scaler=scaler)
    scaler.step(optimizer)
    assert torch.equal(flat(problem.params), before)
    assert optimizer.steps == 0
    optimizer.zero_grad()
    scaler.update()
    _step(problem, optimizer, 1, scaler)
    scaler.step(optimizer)
    assert optimizer.steps == 1


def test_the_model_s_zero_grad_after_a_skipped_step_is_an_error_that_says_so() -> None:
    problem = Problem()
    optimizer, scaler = _mixed(problem), GradScaler("cpu", init_scale=2.0**10)
    scaler.scale(problem.loss(0) * math.inf).backward()
    optimizer.ascend(scaler=scaler)
    scaler.scale(problem.loss(0) * math.inf).backward()
    scaler.step(optimizer)
    problem.model.zero_grad()
    scaler.update()
    scaler.scale(problem.loss(1)).backward()
    with pytest.raises(RuntimeError, match=r"clear the gradients by optimizer\.zero_grad\(\)"):
        optimizer.ascend(scaler=scaler)


def test_it_is_refused_where_it_would_be_wrong() -> None:
    problem = Problem()
    optimizer, scaler = _mixed(problem), GradScaler("cpu", init_scale=2.0**10)
    problem.loss(0).backward()
    with pytest.raises(RuntimeError, match=r"the second pass would never happen"):
        optimizer.conclude()
    optimizer.zero_grad()
    scaler.scale(problem.loss(0)).backward()
    optimizer.ascend(scaler=scaler)
    with pytest.raises(RuntimeError, match=r"a pass brought no gradients"):
        optimizer.conclude(scaler=scaler)
    scaler.scale(problem.loss(0)).backward()
    optimizer.ascend(scaler=scaler)
    scaler.scale(problem.loss(0)).backward()
    with pytest.raises(RuntimeError, match=r"ascend\(\) was given a scaler; give conclude"):
        optimizer.conclude()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(optimizer\) was called before conclude\(\)"):
        optimizer.conclude(scaler=scaler)
