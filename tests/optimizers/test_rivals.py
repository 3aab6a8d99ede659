"""Ascents in several steps, along other optimizers' updates, and over some coordinates."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sssam
from sssam.methods import Ascent
from sssam.roles import Along, Euclidean, Fresh, Friendly, Momentum
from tests import naive
from tests.naive import loop
from tests.problems import BASES, Problem, build, by_best, by_passes, flat, same

SQUARES = {"adam": "exp_avg_sq", "adamw": "exp_avg_sq", "rmsprop": "square_avg", "adagrad": "sum"}


@pytest.mark.parametrize("base", SQUARES)
def test_the_preconditioned_direction_is_divided_by_the_base_s_own_square(base: str) -> None:
    theirs, their_base = build(base)

    def turn(g: Tensor) -> Tensor:
        kept = [their_base.state[p].get(SQUARES[base]) for p in theirs.params]
        v = g**2 if kept[0] is None else flat(kept)
        return g / (v.sqrt() + their_base.defaults["eps"])

    expected = loop.train(theirs, their_base, naive.NaiveAlong(turn=turn), 100)[-1]
    ours, our_base = build(base)
    optimizer = sssam.SAM(our_base, rho=0.1, along="preconditioned", model=ours.model)
    by_passes(ours, optimizer, 100)
    torch.testing.assert_close(flat(ours.params), expected, rtol=1e-10, atol=1e-11)


def test_a_base_without_a_square_is_refused_with_the_weights_at_w() -> None:
    problem, base = build("momentum")
    optimizer = sssam.SAM(base, along="preconditioned", model=problem.model)
    by_passes(problem, optimizer, 1)
    before = [p.detach().clone() for p in problem.params]
    with pytest.raises(RuntimeError, match=r"it keeps momentum_buffer: none of exp_avg_sq"):
        by_passes(problem, optimizer, 1)
    assert same(problem.params, before)


def test_one_step_along_the_gradient_is_sam_to_the_bit() -> None:
    one, other = Problem(dropout=0.3, norm=True), Problem(dropout=0.3, norm=True)
    for problem, more in ((one, {}), (other, {"ascent_steps": 1, "along": "gradient"})):
        torch.manual_seed(0)
        settings: dict[str, Any] = {"rho": 0.1, "model": problem.model, **more}
        by_best(problem, sssam.SAM(BASES["momentum"](problem.params), **settings), 20)
    assert same(one.params, other.params)
    assert same(list(one.model.buffers()), list(other.model.buffers()))


def test_small_steps_stay_in_the_ball_and_climb_higher_where_the_gradient_turns() -> None:
    """On f = (x^2 + 10 y^2) / 2, whose gradient turns on the way."""
    heights = []
    for n in (1, 8):
        w = nn.Parameter(torch.tensor([1.0, 0.1], dtype=torch.float64))
        base = torch.optim.SGD([w], lr=0.0)
        optimizer = sssam.SAM(base, rho=0.5, ascent_steps=n, model=False)
        w0 = w.detach().clone()
        for p in optimizer.passes(torch.ones(2)):
            assert (w.detach() - w0).norm() <= 0.5 + 1e-12
            f = (w[0] ** 2 + 10 * w[1] ** 2) / 2
            heights += [f.item()] if p.phase == "descent" else []
            p.backward(f)
        optimizer.step()
        assert torch.equal(w, w0)
    assert heights[1] > heights[0]


def test_more_steps_than_two_lines_can_run_are_refused_at_step_0_whatever_the_draw() -> None:
    for p in (0.0, 1.0):
        problem, base = build("momentum")
        settings: dict[str, Any] = {"schedule": sssam.schedules.constant(p), "total_steps": 9}
        optimizer = sssam.SSSAM(base, ascent_steps=2, model=False, **settings)
        problem.loss(0).backward()
        with pytest.raises(RuntimeError, match=r"steps have 3 passes, and two lines run two; use"):
            optimizer.ascend()


def test_what_a_direction_keeps_is_of_the_pass_at_w() -> None:
    kept = []
    for n in (1, 3):
        problem, base = build("sgd")
        method = Ascent(Friendly(1.0, 0.9), Euclidean(0.1), steps=n)
        optimizer = sssam.SharpnessAware(base, method, model=False)
        by_passes(problem, optimizer, 1)
        kept.append([optimizer._training.memory[p]["m"] for p in problem.params])
    assert same(*kept)


def test_a_void_ascent_in_steps_is_counted_once() -> None:
    w = nn.Parameter(torch.zeros(3))
    optimizer = sssam.SAM(torch.optim.SGD([w], lr=0.1), ascent_steps=3, model=False)
    for p in optimizer.passes(torch.ones(2)):
        p.backward((w**2).sum())
    optimizer.step()
    assert optimizer.counters.voided == 1


def test_z_scores_of_equal_gradients_leave_no_coordinate_out() -> None:
    w = nn.Parameter(torch.zeros(4))
    optimizer = sssam.ZSharp(torch.optim.SGD([w], lr=0.1), rho=2.0, model=False)
    for p in optimizer.passes(torch.ones(2)):
        if p.phase == "descent":
            torch.testing.assert_close(w.detach(), torch.ones(4))
        p.backward(w.sum())
    optimizer.step()


WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda b: sssam.SAM(b, ascent_steps=0), ValueError, "ascent_steps must be at least 1, not 0"),
    (lambda b: sssam.SAM(b, along="adam"), ValueError, "along must be one of gradient, sign, muon"),
    (lambda b: sssam.ZSharp(b, percentile=100), ValueError, "percentile must be below 100"),
    (lambda b: sssam.ZSharp(b, percentile=-1), ValueError, r"percentile must be in \[0, 100\]"),
    (
        lambda b: Ascent(Momentum(), Euclidean(0.1), steps=2),
        ValueError,
        r"ascent_steps=2 needs a gradient at each of its points, which direction=Momentum.*use",
    ),
    (lambda b: Along(Fresh(), "adam"), ValueError, "along must be one of"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_wrong_settings(case: int) -> None:
    build_it, kind, text = WRONG[case]
    with pytest.raises(kind, match=text):
        build_it(BASES["sgd"](Problem().params))
