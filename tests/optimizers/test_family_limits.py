"""The family's limit cases, bit for bit: where one method is another, or the base optimizer."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

import sssam
from sssam.methods import Ascent, Parallel, Switch
from sssam.roles import Euclidean, Every, Fresh, Hardest, Kept, Last, Only, Rising, Weighted
from sssam.roles.metric import on_device_if_finite
from sssam.schedules import constant, late
from tests.problems import BASES, Problem, by_best, closure, same

STEPS = 100
Wrap = Callable[[torch.optim.Optimizer, torch.nn.Module], torch.optim.Optimizer]


def _wrap(kind: Any, **settings: Any) -> Wrap:
    return lambda base, model: kind(base, **{"rho": 0.1, **settings}, model=model)


def _method(method: Any, **settings: Any) -> Wrap:
    return lambda base, model: sssam.SharpnessAware(base, method, model=model, **settings)


def _base(base: torch.optim.Optimizer, model: torch.nn.Module) -> torch.optim.Optimizer:
    return base


def _aesam(level: float, **settings: Any) -> Wrap:
    return _wrap(sssam.AESAM, total_steps=STEPS, l1=level, l2=level, **settings)


def _all_of(base: torch.optim.Optimizer, model: torch.nn.Module) -> torch.optim.Optimizer:
    metric = Only(Euclidean(0.1), model.parameters(), "all parameters")
    return sssam.SharpnessAware(base, Ascent(Fresh(), metric), model=model)


SAM = _wrap(sssam.SAM)
#: Where the base's gradient comes from the second pass, it must see the first one's masks.
SEEN_ALIKE = {"rho": 0.0, "rng": "same-mask"}
LAST = Ascent(Last(), Euclidean(0.1), Kept())

PAIRS: dict[str, tuple[Wrap, Wrap]] = {
    "ESAM with beta = gamma = 1 is SAM": (_wrap(sssam.ESAM, beta=1, gamma=1), SAM),
    "K-SAM on all samples is SAM": (_wrap(sssam.KSAM, fraction=1), SAM),
    "samples that choose nothing change nothing": (
        _method(Ascent(Fresh(), Euclidean(0.1), samples=Rising(1.0))),
        _method(Ascent(Fresh(), Euclidean(0.1), samples=Hardest(1.0))),
    ),
    "AE-SAM with a threshold of -inf is SAM": (_aesam(-math.inf), SAM),
    "AE-SAM with a threshold of inf is the base": (_aesam(math.inf), _base),
    "AE-LookSAM with a threshold of -inf is SAM": (_aesam(-math.inf, look=True), SAM),
    "AE-LookSAM with a threshold of inf is the base": (_aesam(math.inf, look=True), _base),
    "AE-LookSAM with alpha = 0 is AE-SAM": (
        _wrap(sssam.AESAM, total_steps=STEPS, look=True, alpha=0),
        _wrap(sssam.AESAM, total_steps=STEPS),
    ),
    "GSAM with alpha = 0 is SAM": (_wrap(sssam.GSAM, alpha=0), SAM),
    "GSAM with equal radii has one": (
        _wrap(sssam.GSAM, rho_min=0.1, lr_max=0.05),
        _wrap(sssam.GSAM),
    ),
    "Friendly SAM with sigma = 0 is SAM": (_wrap(sssam.FriendlySAM, sigma=0), SAM),
    "Friendly SAM whose mean never moves is SAM": (_wrap(sssam.FriendlySAM, lam=1), SAM),
    "WSAM with gamma = 0 is the base": (_wrap(sssam.WSAM, gamma=0), _base),
    "WSAM, coupled, with gamma = 0 is the base": (
        _wrap(sssam.WSAM, gamma=0, decoupled=False),
        _base,
    ),
    "WSAM, coupled, with gamma = 1/2 is SAM": (
        _wrap(sssam.WSAM, gamma=0.5, decoupled=False),
        SAM,
    ),
    "unnormalised SAM with rho = 0 is the base": (_wrap(sssam.USAM, **SEEN_ALIKE), _base),
    "AsyncSAM with rho = 0 is the base": (_wrap(sssam.AsyncSAM, **SEEN_ALIKE), _base),
    "S2-SAM with rho = 0 is the base": (_wrap(sssam.S2SAM, rho=0), _base),
    "random perturbation with rho = 0 is the base": (
        _wrap(sssam.RandomPerturbation, rho=0),
        _base,
    ),
    "SAM-ON with rho = 0 is the base": (_wrap(sssam.SAMON, **SEEN_ALIKE), _base),
    "SAM on all parameters alone is SAM": (_all_of, SAM),
    "noise of length 0 changes nothing": (
        _wrap(sssam.MicroSAM, noise=0, ascent_fraction=1),
        SAM,
    ),
    "a mix of 0 is the base": (_wrap(sssam.SAM, mix=0), _base),
    "a mix of 1 is SAM": (_method(Ascent(Fresh(), Euclidean(0.1), Weighted(1.0))), SAM),
    "G-RST at each step is SAM with its mix": (
        _wrap(sssam.SSSAM, schedule=constant(1), total_steps=STEPS, mix=0.6),
        _wrap(sssam.SAM, mix=0.6),
    ),
    "a block over all steps is SAM": (
        _wrap(sssam.SSSAM, schedule=late(1), total_steps=STEPS),
        SAM,
    ),
    "ESAM with beta = 1 selects, and perturbs as SAM": (
        _wrap(sssam.ESAM, beta=1, gamma=0.5),
        _method(Ascent(Fresh(), Euclidean(0.1), samples=Rising(0.5))),
    ),
    "AE-SAM that remembers nothing is SAM": (_wrap(sssam.AESAM, total_steps=STEPS, memory=0), SAM),
    "AE-SAM that never learns is SAM": (_wrap(sssam.AESAM, total_steps=STEPS, memory=1), SAM),
    "LookSAM with rho = 0 is the base": (_wrap(sssam.LookSAM, **SEEN_ALIKE), _base),
    "AE-LookSAM with rho = 0 is the base": (
        _wrap(sssam.AESAM, total_steps=STEPS, look=True, **SEEN_ALIKE),
        _base,
    ),
    "Friendly SAM that takes all of g off is the base": (
        _wrap(sssam.FriendlySAM, lam=0, sigma=1, rng="same-mask"),
        _base,
    ),
    "noise of length 0 on a part is SAM on a part": (
        _wrap(sssam.MicroSAM, noise=0, ascent_fraction=0.25),
        _wrap(sssam.SAM, ascent_fraction=0.25),
    ),
    "SAMPa with lam = 1 does not see rho": (
        _wrap(sssam.SAMPa, lam=1),
        _wrap(sssam.SAMPa, lam=1, rho=0.5),
    ),
    "each step's method is the one that is switched to": (
        _method(Switch(Every(1), LAST)),
        _method(LAST),
    ),
}


@pytest.mark.parametrize("base", ["momentum", "adamw"])
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.filterwarnings("ignore:sssam. all 20 perturbations")  # e is 0 in one of the limits
def test_limit(pair: str, base: str) -> None:
    ends = []
    for wrap in PAIRS[pair]:
        torch.manual_seed(5)
        problem = Problem(dtype=torch.float32, dropout=0.3, norm=True)
        by_best(problem, wrap(BASES[base](problem.params), problem.model), STEPS)
        ends.append((problem, torch.get_rng_state()))
    (one, rng), (other, their_rng) = ends
    assert same(one.params, other.params)
    assert same(list(one.model.buffers()), list(other.model.buffers()))
    assert torch.equal(rng, their_rng)


def test_parallel_sam_on_one_batch_with_lam_0_and_no_step_between_is_sam() -> None:
    """With one batch and lr 0 up to the last step, y is w, so that h is SAM's gradient there."""
    one, other = Problem(), Problem()
    for problem, wrap in ((one, _method(Parallel(Euclidean(0.1), 0.0))), (other, SAM)):
        problem._x, problem._y = problem._x[:1].repeat(8, 1, 1), problem._y[:1].repeat(8, 1)
        base = torch.optim.SGD(problem.params, lr=0.0)
        optimizer = wrap(base, problem.model)
        by_best(problem, optimizer, 2)
        base.param_groups[0]["lr"] = 0.1
        for p in optimizer.passes(problem.batch(2)):
            base.param_groups[0]["lr"] = 0.0  # while y is made
            p.backward(torch.nn.functional.cross_entropy(problem.model(p.x), p.y))
        base.param_groups[0]["lr"] = 0.1
        optimizer.step()
    assert same(one.params, other.params)


def test_sampa_resumes_with_a_step_of_the_base() -> None:
    """The batch before is no part of a checkpoint; h is, and waits for the step after."""
    whole = Problem()
    optimizer = sssam.SAMPa(BASES["momentum"](whole.params), rho=0.1, model=False)
    by_best(whole, optimizer, 5)
    other = Problem()
    other.model.load_state_dict(whole.model.state_dict())
    resumed = sssam.SAMPa(BASES["momentum"](other.params), rho=0.1, model=False)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    by_best(other, resumed, 1, 5)
    assert resumed.counters.forwards == optimizer.counters.forwards + 1
    by_best(other, resumed, 1, 6)
    assert resumed.counters.forwards == optimizer.counters.forwards + 3

    plain = Problem()
    plain.model.load_state_dict(whole.model.state_dict())
    base = BASES["momentum"](plain.params)
    base.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    base.step(closure(plain, base, 5))
    again = sssam.SAMPa(BASES["momentum"](whole.params), rho=0.1, model=False)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    by_best(whole, again, 1, 5)
    assert same(whole.params, plain.params)


@pytest.mark.parametrize("kind", [sssam.S2SAM, sssam.RandomPerturbation])
def test_methods_that_move_first_in_two_lines(kind: Any) -> None:
    one, other = Problem(norm=True), Problem(norm=True)
    a = kind(BASES["momentum"](one.params), rho=0.1, model=one.model)
    b = kind(BASES["momentum"](other.params), rho=0.1, model=other.model)
    for t in range(10):
        assert a.ascend()
        one.loss(t).backward()
        a.step()
        a.zero_grad()
        b.step(closure(other, b, t))
    assert same(one.params, other.params)
    assert same(list(one.model.buffers()), list(other.model.buffers()))


@pytest.mark.parametrize("kind", [sssam.FriendlySAM, sssam.LookSAM, sssam.AsyncSAM, sssam.S2SAM])
def test_a_gradient_that_is_not_finite_leaves_no_mark_on_what_is_kept_for_long(kind: Any) -> None:
    problem = Problem()
    optimizer = kind(BASES["sgd"](problem.params), rho=0.1, model=False)
    by_best(problem, optimizer, 3)
    x = problem._x.clone()
    problem._x[3] = math.nan
    for p in optimizer.passes(problem.batch(3)):
        p.backward(torch.nn.functional.cross_entropy(problem.model(p.x), p.y))
    optimizer.restore()  # as a GradScaler does: the update is not made
    problem._x = x
    by_best(problem, optimizer, 3, 3)
    assert all(torch.isfinite(p).all() for p in problem.params)
    assert all(
        torch.isfinite(k).all()
        for kept in optimizer._training.memory.values()
        for k in kept.values()
    )


@pytest.mark.parametrize(
    ("length", "factor"), [(2.0, 0.1), (0.0, 0.0), (math.inf, 0.0), (math.nan, 0.0)]
)
def test_the_unnormalised_radius_is_decided_on_the_device_as_on_the_host(
    length: float, factor: float
) -> None:
    there = on_device_if_finite(0.1, torch.tensor(length, dtype=torch.float64))
    assert there.dtype == torch.float64
    assert there.item() == factor


def test_an_overflow_in_the_second_pass_of_decoupled_wsam_skips_the_step() -> None:
    problem = Problem(dtype=torch.float32)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    optimizer = sssam.WSAM(BASES["momentum"](problem.params), rho=0.1, model=False)
    before = [p.detach().clone() for p in problem.params]
    for p in optimizer.passes(problem.batch(0), scaler=scaler):
        loss = torch.nn.functional.cross_entropy(problem.model(p.x), p.y)
        p.backward(loss * math.inf if p.phase == "descent" else loss)
    scaler.step(optimizer)
    scaler.update()
    assert same(problem.params, before)
    assert scaler.get_scale() == 2.0**9
