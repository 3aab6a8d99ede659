"""Wrong use gets a clear error: what, which value, which range, what to do; never by the draw."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import sssam
from sssam.methods import Ascent, Switch
from sssam.roles import Euclidean, Every, Fresh, Momentum, Weighted
from sssam.schedules import constant, custom, late, linear
from tests.problems import BASES, Problem, by_closure, closure, same


def _base() -> torch.optim.Optimizer:
    return torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1, momentum=0.9)


def _sssam(**more: Any) -> sssam.SSSAM:
    return sssam.SSSAM(
        _base(), **{"schedule": constant(0.5), "total_steps": 10, "model": False, **more}
    )


CONSTRUCTION: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: sssam.SAM(torch.optim.SGD),
        TypeError,
        r"built optimizer, not the class SGD; build it first",
    ),  # type: ignore[arg-type]
    (
        lambda: sssam.SAM(sssam.SAM(_base())),
        TypeError,
        r"base is a SAM already; wrap the torch optimizer inside",
    ),
    (
        lambda: sssam.SAM(torch.optim.LBFGS(nn.Linear(2, 2).parameters())),
        TypeError,
        r"LBFGS calls its closure itself",
    ),
    (lambda: sssam.SAM([]), ValueError, r"list of at least one"),
    (lambda: sssam.SAM(3), TypeError, r"torch\.optim\.Optimizer or a list of them, not 3"),  # type: ignore[arg-type]
    (
        lambda: (lambda b: sssam.SAM([b, b]))(_base()),
        ValueError,
        r"SGD and SGD own the same parameter",
    ),
    (
        lambda: sssam.SAM(_base(), rho=-0.1),
        ValueError,
        r"rho must be at least 0, not -0\.1; 0 is the base",
    ),
    (lambda: sssam.SAM(_base(), rho=math.nan), ValueError, r"rho must be at least 0, not nan"),
    (lambda: sssam.SAM(_base(), rho=math.inf), ValueError, r"rho must be at least 0, not inf"),
    (lambda: sssam.SAM(_base(), rho="0.1"), TypeError, r"rho must be a number, not '0\.1'"),  # type: ignore[arg-type]
    (lambda: sssam.SAM(_base(), mix=-1), ValueError, r"mix must be at least 0, not -1"),
    (
        lambda: sssam.SAM(_base(), ascent_fraction=0),
        ValueError,
        r"ascent_fraction must be in \(0, 1\], not 0",
    ),
    (
        lambda: sssam.SAM(_base(), ascent_fraction=1.5),
        ValueError,
        r"ascent_fraction must be in \(0, 1\], not 1\.5",
    ),
    (
        lambda: sssam.SAM(_base(), rng="none"),
        ValueError,
        r"rng must be one of restore, same-mask, not 'none'",
    ),  # type: ignore[arg-type]
    (
        lambda: sssam.SAM(_base(), model=3),
        TypeError,
        r"model must be a torch\.nn\.Module, None or False, not 3",
    ),  # type: ignore[arg-type]
    (lambda: sssam.ASAM(_base(), eta=-1), ValueError, r"eta must be at least 0, not -1"),
    (
        lambda: sssam.LookSAM(_base(), k=0),
        ValueError,
        r"k must be at least 1, not 0; 1 acts at every step",
    ),
    (lambda: sssam.LookSAM(_base(), k=2.5), TypeError, r"k must be an int, not 2\.5"),  # type: ignore[arg-type]
    (lambda: sssam.LookSAM(_base(), alpha=-1), ValueError, r"alpha must be at least 0, not -1"),
    (
        lambda: sssam.MSAM(torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)),
        ValueError,
        r"keeps no momentum.*momentum=0\.9",
    ),
    (
        lambda: _sssam(total_steps=0),
        ValueError,
        r"total_steps must be at least 1, not 0; give epochs",
    ),
    (
        lambda: _sssam(total_steps=2.0),
        TypeError,
        r"total_steps must be an int, not 2\.0; give epochs",
    ),
    (lambda: _sssam(schedule=custom(lambda u: 1 + u)), ValueError, r"step 1 "),
    (lambda: _sssam(schedule=custom(lambda u: math.nan)), ValueError, r"nan"),
    (lambda: _sssam(schedule=linear(0, 1) * 2), ValueError, r"clamp"),
    (lambda: _sssam(schedule=0.5), TypeError, r"schedule"),
    (lambda: _sssam(seed=-1), ValueError, r"seed"),
    (lambda: _sssam(draws="coin"), ValueError, r"draws.*'coin'"),
    (
        lambda: _sssam(strength="full"),
        ValueError,
        r"strength must be one of fixed, per-step, total, not 'full'",
    ),
    (lambda: _sssam(adaptive="False"), TypeError, r"adaptive must be True or False, not 'False'"),
    (
        lambda: _sssam(schedule=late(0.05), total_steps=100, strength="total"),
        ValueError,
        r"needs 20 times rho .* more than the 10",
    ),
    (
        lambda: _sssam(
            schedule=linear(0, 1), total_steps=100, strength="per-step", strength_floor=0.01
        ),
        ValueError,
        r"needs 100 times rho",
    ),
    (
        lambda: Ascent(Momentum(), Euclidean(0.1), Weighted(0.5)),
        ValueError,
        r"mix=Weighted.* needs the gradient at w, which direction=Momentum.* does not compute",
    ),
]


@pytest.mark.parametrize(
    ("build", "kind", "text"), CONSTRUCTION, ids=lambda v: v if isinstance(v, str) else ""
)
def test_construction(build: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        build()


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
    optimizer.ascend()
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
