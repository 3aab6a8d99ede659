"""A scaler that `ascend()` was not given is seen at its step, before anything is updated."""

from typing import Any

import pytest
from torch.amp import GradScaler

import sssam
from tests.problems import BASES, Problem, by_closure, same


def _mixed(problem: Problem) -> sssam.SharpnessAware:
    return sssam.SAM(BASES["momentum"](problem.params), mix=0.5, model=problem.model)


def _sam(problem: Problem) -> sssam.SharpnessAware:
    return sssam.SAM(BASES["momentum"](problem.params), model=problem.model)


def _unnormalized(problem: Problem) -> sssam.SharpnessAware:
    return sssam.USAM(BASES["momentum"](problem.params), model=problem.model)


def _auto(problem: Problem) -> sssam.SharpnessAware:
    return sssam.SAM(BASES["momentum"](problem.params), rho="auto", model=problem.model)


@pytest.mark.parametrize("concluded", [False, True])
@pytest.mark.parametrize("build", [_unnormalized, _mixed, _auto])
def test_a_scaler_that_ascend_was_not_given_is_an_error_where_sizes_count(
    build: Any, concluded: bool
) -> None:
    problem, scaler = Problem(), GradScaler("cpu", init_scale=2.0**10)
    before = [p.detach().clone() for p in problem.params]
    optimizer = build(problem)
    scaler.scale(problem.loss(0)).backward()
    assert optimizer.ascend()
    scaler.scale(problem.loss(0)).backward()
    if concluded:
        optimizer.conclude()
    assert not optimizer._step_supports_amp_scaling  # as Lightning asks in any precision
    with pytest.raises(RuntimeError, match=r"size of the gradient.*ascend\(scaler=scaler\)"):
        scaler.step(optimizer)
    assert same(problem.params, before)
    assert optimizer.steps == 0


def test_sam_whose_radius_is_fixed_needs_no_word_of_the_scaler() -> None:
    problem, scaler = Problem(), GradScaler("cpu", init_scale=2.0**10)
    optimizer = _sam(problem)
    scaler.scale(problem.loss(0)).backward()
    assert optimizer.ascend()
    scaler.scale(problem.loss(0)).backward()
    scaler.step(optimizer)
    other = Problem()
    by_closure(other, _sam(other), 1)
    assert same(problem.params, other.params)
