"""A hand-off between base optimizers, and late blocks that begin with the last anneal."""

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch.optim import SGD, Adam, AdamW, Muon
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LambdaLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
)

import sssam
from sssam.schedules import aligned, late
from tests.problems import Matrices, Problem, by_closure, by_two_lines, same

AT = 12


def _pair(problem: Problem) -> list[torch.optim.Optimizer]:
    matrices = [p for p in problem.params if p.ndim == 2]
    others = [p for p in problem.params if p.ndim != 2]
    return [Muon(matrices, lr=0.02, momentum=0.95), SGD(others, lr=0.05, momentum=0.8)]


def _relay(problem: Problem) -> sssam.Relay:
    return sssam.Relay(SGD(problem.params, lr=0.05, momentum=0.9), _pair(problem), at=AT)


def test_it_is_the_first_and_then_the_others_with_the_momentum_converted() -> None:
    one, other = Problem(), Problem()
    relay = _relay(one)
    by_closure(one, sssam.SAM(relay, rho=0.1, model=False), 25)

    first, then = SGD(other.params, lr=0.05, momentum=0.9), _pair(other)
    by_closure(other, sssam.SAM(first, rho=0.1, model=False), AT)
    for owner, length in zip(then, (1 - 0.9, (1 - 0.9) / (1 - 0.8)), strict=True):
        for p in owner.param_groups[0]["params"]:
            owner.state[p]["momentum_buffer"] = first.state[p]["momentum_buffer"] * length
    by_closure(other, sssam.SAM(then, rho=0.1, model=False), 13, AT)
    for p, q in zip(one.params, other.params, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-9, atol=1e-11)
    assert [type(runner) for runner in relay.runner] == [Muon, SGD]


@pytest.mark.parametrize("source", ["sgd", "dampened", "muon", "adam"])
def test_of_a_constant_gradient_the_momentum_is_where_it_would_be_without_a_hand_off(
    source: str,
) -> None:
    """After many equal gradients g, each buffer is its own multiple of g, and stays so."""
    w = torch.nn.Parameter(torch.zeros(2, 2, dtype=torch.float64))
    gradient = torch.tensor([[1.0, 2.0], [3.0, -4.0]], dtype=torch.float64)
    first = {
        "sgd": SGD([w], lr=0.0, momentum=0.9),
        "dampened": SGD([w], lr=0.0, momentum=0.9, dampening=0.5),
        "muon": Muon([w], lr=0.0, momentum=0.9),
        "adam": Adam([w], lr=0.0),
    }[source]
    for then, length in (
        (SGD([w], lr=0.0, momentum=0.75), 4.0),
        (SGD([w], lr=0.0, momentum=0.75, dampening=0.5), 2.0),
        (Muon([w], lr=0.0), 1.0),
    ):
        relay = sssam.Relay(copy.copy(first), then, at=400)
        for _ in range(405):
            w.grad = gradient.clone()
            relay.step()
        torch.testing.assert_close(then.state[w]["momentum_buffer"], length * gradient)


def test_what_has_no_counterpart_starts_afresh() -> None:
    problem = Problem()
    adam = AdamW(problem.params, lr=0.01)
    relay = sssam.Relay(SGD(problem.params, lr=0.05, momentum=0.9), adam, at=3)
    by_closure(problem, relay, 3)
    assert not adam.state
    by_closure(problem, relay, 2)
    assert all(state["step"] == 2 for state in adam.state.values())
    plain = sssam.Relay(
        SGD(problem.params, lr=0.05), SGD(problem.params, lr=0.1, momentum=0.5), at=1
    )
    by_closure(problem, plain, 1)
    assert not plain.state


@pytest.mark.parametrize("cut", [5, AT, 17])
def test_a_run_cut_anywhere_and_resumed_equals_the_uncut_run(cut: int) -> None:
    def sam(problem: Problem) -> sssam.SSSAM:
        schedule = late(13 / 25)
        return sssam.SSSAM(_relay(problem), schedule=schedule, total_steps=25, rho=0.1, model=False)

    whole = Problem()
    by_two_lines(whole, sam(whole), 25)
    first, second = Problem(), Problem(seed=3)
    optimizer = sam(first)
    by_two_lines(first, optimizer, cut)
    file = io.BytesIO()
    torch.save({"m": first.model.state_dict(), "o": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    second._x, second._y = first._x, first._y
    resumed = sam(second)
    second.model.load_state_dict(saved["m"])
    resumed.load_state_dict(saved["o"])
    by_two_lines(second, resumed, 25 - cut, cut)
    assert same(whole.params, second.params)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("steps", [4, 14])
def test_copies_train_on_alike(how: Any, steps: int) -> None:
    problem = Problem()
    relay = _relay(problem)
    by_closure(problem, relay, steps)
    other, theirs = how((problem, relay))
    by_closure(problem, relay, 14, steps)
    by_closure(other, theirs, 14, steps)
    assert same(problem.params, other.params)
    assert theirs.steps == steps + 14


def test_schedulers_on_the_runners_and_hooks_on_the_relay() -> None:
    problem = Problem()
    relay = _relay(problem)
    falling = LambdaLR(relay.runner[0], lambda t: 0.5**t)
    calls = []
    relay.register_step_pre_hook(lambda *a: calls.append("pre"))
    relay.register_step_post_hook(lambda *a: calls.append("post"))
    by_closure(problem, relay, 1)
    falling.step()
    assert calls == ["pre", "post"]
    assert relay.param_groups[0]["lr"] == 0.025


def test_at_0_is_then_alone() -> None:
    one, other = Matrices(), Matrices()
    by_closure(one, sssam.Relay(SGD(one.params, lr=1.0), Muon(one.params, lr=0.02), at=0), 5)
    by_closure(other, Muon(other.params, lr=0.02), 5)
    assert same(one.params, other.params)


def test_errors_of_a_relay() -> None:
    problem = Problem()
    first = SGD(problem.params, lr=0.1)
    with pytest.raises(ValueError, match=r"but 1 of them have no owner in then, and 0"):
        sssam.Relay(first, SGD(problem.params[1:], lr=0.1), at=3)
    with pytest.raises(ValueError, match=r"but 0 of them .* and 1 of its own are not in first"):
        sssam.Relay(
            SGD(problem.params[1:], lr=0.1),
            [SGD(problem.params[2:], lr=0.1), SGD(problem.params[:2], lr=0.1)],
            at=3,
        )
    with pytest.raises(ValueError, match="SGD and SGD own the same parameter"):
        sssam.Relay(first, [first, SGD(problem.params, lr=0.1)], at=3)
    with pytest.raises(ValueError, match=r"at must be at least 0, not -1; give the number"):
        sssam.Relay(first, SGD(problem.params, lr=0.1), at=-1)
    with pytest.raises(TypeError, match=r"not SAM; wrap the relay: SAM\(Relay"):
        sssam.Relay(first, sssam.SAM(first, model=False), at=3)
    with pytest.raises(TypeError, match="built optimizer, not the class SGD"):
        sssam.Relay(first, SGD, at=3)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="takes no further param group"):
        _relay(problem).add_param_group({"params": []})


def _base() -> torch.optim.Optimizer:
    return SGD([torch.nn.Parameter(torch.zeros(3))], lr=1.0, momentum=0.9)


def _warm_cosine(base: torch.optim.Optimizer) -> LRScheduler:
    parts = [LinearLR(base, 0.1, 1.0, 10), CosineAnnealingLR(base, 90)]
    return SequentialLR(base, parts, milestones=[10])


@pytest.mark.parametrize(
    ("build", "start"),
    [
        (lambda b: LambdaLR(b, lambda t: min(1.0, (100 - t) / 40)), 61),
        (lambda b: CosineAnnealingLR(b, 100), 1),
        (_warm_cosine, 11),
        (lambda b: CosineAnnealingWarmRestarts(b, 25), 76),
        (lambda b: OneCycleLR(b, 1.0, total_steps=101, pct_start=0.4), 40),
    ],
)
def test_a_late_block_begins_with_the_last_anneal(build: Any, start: int) -> None:
    base = _base()
    scheduler = build(base)
    before = copy.deepcopy((scheduler.state_dict(), base.param_groups[0]["lr"]))
    schedule = aligned(scheduler, 100)
    assert abs(schedule.probabilities(100).index(1.0) - start) <= (1 if start == 40 else 0)
    assert sum(schedule.probabilities(100)) == 100 - schedule.probabilities(100).index(1.0)
    assert (scheduler.last_epoch, base.param_groups[0]["lr"]) == (
        before[0]["last_epoch"],
        before[1],
    )


def test_schedulers_that_have_no_anneal_to_align_with() -> None:
    with pytest.raises(TypeError, match=r"known beforehand, not ReduceLROnPlateau"):
        aligned(ReduceLROnPlateau(_base()), 10)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"must be a torch LRScheduler .* not SGD"):
        aligned(_base(), 10)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"does not fall below its greatest .* 1, within 10 steps"):
        aligned(LambdaLR(_base(), lambda t: 1.0), 10)
    with pytest.raises(ValueError, match="total_steps must be at least 1, not 0"):
        aligned(LambdaLR(_base(), lambda t: 1.0), 0)
