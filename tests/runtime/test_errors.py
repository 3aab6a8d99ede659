"""Wrong use gets a clear error: what, which value, which range, what to do; never by the draw."""

import warnings
from typing import Any

import pytest
import torch

import sssam
from sssam.methods import Ascent, Switch
from sssam.roles import Euclidean, Every, Fresh, Momentum
from sssam.schedules import constant
from tests.problems import BASES, Problem, by_closure, closure, same


def _scheduled(problem: Problem, p: float, **more: Any) -> sssam.SSSAM:
    return sssam.SSSAM(
        BASES["momentum"](problem.params), schedule=constant(p), total_steps=9, model=False, **more
    )


@pytest.mark.parametrize("p", [0, 1])
def test_a_loop_that_never_asks_fails_at_step_0(p: float) -> None:
    problem = Problem()
    optimizer = _scheduled(problem, p)
    before = [q.detach().clone() for q in problem.params]
    problem.loss(0).backward()
    with pytest.raises(RuntimeError, match=r"ascend\(\) was not called after backward\(\)"):
        optimizer.step()
    assert same(problem.params, before)
    assert optimizer.steps == 0


@pytest.mark.parametrize("p", [0, 1])
def test_ascend_twice(p: float) -> None:
    problem = Problem()
    optimizer = _scheduled(problem, p)
    problem.loss(0).backward()
    if optimizer.ascend():
        problem.loss(0).backward()
    with pytest.raises(RuntimeError, match=r"called twice in one step.*back at w"):
        optimizer.ascend()


@pytest.mark.parametrize("p", [0, 1])
def test_ascend_without_gradients(p: float) -> None:
    with pytest.raises(RuntimeError, match=r"brought no gradients: call loss\.backward\(\) before"):
        _scheduled(Problem(), p).ascend()


@pytest.mark.parametrize("p", [0, 1])
@pytest.mark.parametrize("result", [None, torch.zeros(())])
def test_a_closure_that_returns_nothing_or_brings_no_gradients(p: float, result: Any) -> None:
    problem = Problem()
    optimizer = _scheduled(problem, p)
    kind, text = (
        (ValueError, "closure returned nothing; it must return the loss")
        if result is None
        else (RuntimeError, "brought no gradients")
    )
    with pytest.raises(kind, match=text):
        optimizer.step(lambda: result)
    by_closure(problem, optimizer, 1)


def test_a_second_pass_that_brings_no_gradients() -> None:
    problem = Problem()
    optimizer = _scheduled(problem, 1)
    before = [q.detach().clone() for q in problem.params]
    problem.loss(0).backward()
    assert optimizer.ascend()
    with pytest.raises(RuntimeError, match="brought no gradients"):
        optimizer.step()
    assert same(problem.params, before)


@pytest.mark.parametrize("p", [0, 1])
def test_a_part_batch_closure_that_never_reads_the_phase(p: float) -> None:
    problem = Problem()
    optimizer = _scheduled(problem, p, ascent_fraction=0.25)

    def blind() -> torch.Tensor:
        optimizer.zero_grad()
        loss = problem.loss(0)
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match=r"ascent_fraction=0\.25 .* never read optimizer\.phase"):
        optimizer.step(blind)


def test_a_part_batch_ascent_in_two_lines_must_be_decided_before() -> None:
    problem = Problem()
    optimizer = _scheduled(problem, 1, ascent_fraction=0.25)
    problem.loss(0).backward()
    with pytest.raises(RuntimeError, match=r"fraction=0\.25.*read optimizer\.will_ascend first"):
        optimizer.ascend()


def test_will_ascend_and_then_no_ascend() -> None:
    problem = Problem()
    optimizer = _scheduled(problem, 1)
    assert optimizer.will_ascend
    problem.loss(0).backward()
    with pytest.raises(RuntimeError, match="step 0 is sharpness-aware, but ascend"):
        optimizer.step()


@pytest.mark.parametrize("p", [0, 1])
def test_momentum_sam_ascends_before_the_pass(p: float) -> None:
    problem = Problem()
    msam = sssam.MSAM(BASES["momentum"](problem.params), model=False).method
    trial = sssam.Draws(constant(p), 9, 0)
    method = Switch(sssam.roles.Scheduled(trial), msam)
    optimizer = sssam.SharpnessAware(BASES["momentum"](problem.params), method, model=False)
    problem.loss(0).backward()
    with pytest.raises(
        RuntimeError, match=r"perturbs before the first pass: call ascend\(\) before"
    ):
        optimizer.ascend()


def test_a_mixture_of_openings_is_refused_by_the_two_line_form() -> None:
    problem = Problem()
    sam, msam = Ascent(Fresh(), Euclidean(0.1)), Ascent(Momentum(), Euclidean(0.3))
    optimizer = sssam.SharpnessAware(
        BASES["momentum"](problem.params), Switch(Every(3), sam, msam), model=False
    )
    problem.loss(0).backward()
    with pytest.raises(
        RuntimeError, match=r"can't serve this optimizer.*step\(closure\) or passes\(\)"
    ):
        optimizer.ascend()
    optimizer.zero_grad()
    by_closure(problem, optimizer, 6)
    assert optimizer.propagations == pytest.approx((2 * 2 + 4 * 1) / 6)


def test_passes_that_are_not_run_or_run_twice() -> None:
    problem = Problem()
    optimizer = _scheduled(problem, 1)
    with pytest.raises(RuntimeError, match=r"the ascent pass ended without p\.backward\(loss\)"):
        list(optimizer.passes(problem.batch(0)))
    for p in optimizer.passes(problem.batch(0)):
        p.backward(problem.loss(0))
        with pytest.raises(RuntimeError, match="twice in one pass"):
            p.backward(problem.loss(0))
    optimizer.restore()
    with pytest.raises(ValueError, match="scalar tensor or one loss a sample"):
        next(iter(optimizer.passes(problem.batch(0)))).backward(torch.zeros(3, 3))


def test_a_part_of_a_batch_without_tensors() -> None:
    optimizer = _scheduled(Problem(), 1, ascent_fraction=0.5)
    with pytest.raises(ValueError, match=r"takes a part of the batch, but no tensor with samples"):
        next(iter(optimizer.passes("a batch")))


def test_more_steps_than_planned_warn_once() -> None:
    problem = Problem()
    optimizer = _scheduled(problem, 0.5)
    by_closure(problem, optimizer, 9)
    with pytest.warns(
        UserWarning, match=r"more steps are taken than total_steps=9.*epochs, not steps"
    ):
        by_closure(problem, optimizer, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_closure(problem, optimizer, 5)


def test_errors_leave_the_optimizer_usable() -> None:
    one, other = Problem(), Problem()
    troubled, calm = _scheduled(one, 1), _scheduled(other, 1)
    for t in range(5):
        with pytest.raises(ValueError, match="nothing"):
            troubled.step(lambda: None)
        troubled.zero_grad()
        troubled.step(closure(one, troubled, t))
        calm.step(closure(other, calm, t))
    assert same(one.params, other.params)
