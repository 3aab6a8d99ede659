"""float16 loss scaling, with torch's own GradScaler, in all three forms of the loop."""

import math
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import nn
from torch.amp import GradScaler

import sssam
from sssam.schedules import constant
from tests.problems import BASES, Problem, by_best, by_closure, pass_loss, same
from tests.table import TABLE

FORMS = ["closure", "two lines", "passes"]


def _scaler(**more: Any) -> GradScaler:
    return GradScaler("cpu", **{"init_scale": 2.0**10, "growth_interval": 10**6, **more})


def scaled_step(
    problem: Problem,
    optimizer: Any,
    scaler: GradScaler,
    t: int,
    form: str,
    overflow: frozenset[str] = frozenset(),
) -> None:
    """One step of the usual float16 loop; the passes named in `overflow` bring infinities."""

    def loss(phase: str) -> torch.Tensor:
        part = optimizer.method.facts.ascent_fraction if phase == "ascent" else 1.0
        value = problem.loss(t, part)
        return value * math.inf if phase in overflow else value

    if form == "closure":

        def run() -> torch.Tensor:
            optimizer.zero_grad()
            value = loss(optimizer.phase)
            scaler.scale(value).backward()
            return value

        optimizer.step(run, scaler=scaler)
    elif form == "passes":
        for p in optimizer.passes(problem.batch(t), scaler=scaler):
            value = pass_loss(problem, optimizer, p)
            p.backward(value * math.inf if p.phase in overflow else value)
        scaler.step(optimizer)
    else:
        late = optimizer.method.facts.decides_late
        scaler.scale(loss("ascent" if late or optimizer.will_ascend else "plain")).backward()
        if optimizer.ascend(scaler=scaler):
            scaler.scale(loss("descent")).backward()
        scaler.step(optimizer)
        optimizer.zero_grad()
    scaler.update()


@pytest.mark.parametrize(
    ("name", "form"), [(n, form) for n, row in TABLE.items() for form in row.forms]
)
def test_a_scale_that_is_a_power_of_two_changes_nothing(name: str, form: str) -> None:
    one, other = TABLE[name].problem(), TABLE[name].problem()
    plain = TABLE[name].build(BASES["momentum"](one.params), one.model)
    scaled = TABLE[name].build(BASES["momentum"](other.params), other.model)
    scaler = _scaler()
    by_best(one, plain, 40)
    for t in range(40):
        scaled_step(other, scaled, scaler, t, form)
    assert same(one.params, other.params)
    assert plain.propagations == scaled.propagations
    assert scaler.get_scale() == 2.0**10


def _mixed(problem: Problem) -> sssam.SharpnessAware:
    return sssam.SAM(BASES["momentum"](problem.params), rho=0.1, mix=0.5, model=problem.model)


def _sam(problem: Problem) -> sssam.SharpnessAware:
    return sssam.SAM(BASES["momentum"](problem.params), rho=0.1, model=problem.model)


def _plain(problem: Problem) -> sssam.SharpnessAware:
    return sssam.SSSAM(
        BASES["momentum"](problem.params), schedule=constant(0), total_steps=99, model=problem.model
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("build", [_sam, _mixed])
@pytest.mark.parametrize(
    ("overflow", "skipped"),
    [({"ascent"}, False), ({"descent"}, True), ({"ascent", "descent"}, True), ({"plain"}, True)],
)
def test_overflow_in_each_pass(overflow: set[str], skipped: bool, build: Any, form: str) -> None:
    problem = Problem(norm=True)
    optimizer = (_plain if "plain" in overflow else build)(problem)
    scaler = _scaler()
    scaled_step(problem, optimizer, scaler, 0, form)
    before = [p.detach().clone() for p in problem.params]
    scaled_step(problem, optimizer, scaler, 1, form, frozenset(overflow))
    assert same(problem.params, before) == skipped
    assert optimizer.steps == (1 if skipped else 2)
    assert scaler.get_scale() == 2.0**10 / (2 if skipped else 1)
    assert optimizer.counters.voided == ("ascent" in overflow)
    for t in range(2, 6):
        scaled_step(problem, optimizer, scaler, t, form)
    assert all(torch.isfinite(p).all() for p in problem.params)
    assert all(torch.isfinite(s["momentum_buffer"]).all() for s in optimizer.state.values())


@pytest.mark.parametrize("form", FORMS)
def test_the_scale_evolves_as_it_would_without_the_wrapper(form: str) -> None:
    overflows = {3, 4, 11}
    scales = []
    for wrapped in (False, True):
        problem = Problem()
        base = BASES["momentum"](problem.params)
        scaler = _scaler(growth_interval=3)
        optimizer = sssam.SAM(base, model=False)
        seen = []
        for t in range(15):
            if wrapped:
                over = frozenset({"descent"} if t in overflows else ())
                scaled_step(problem, optimizer, scaler, t, form, over)
            else:
                loss = problem.loss(t) * (math.inf if t in overflows else 1)
                scaler.scale(loss).backward()
                scaler.step(base)
                base.zero_grad()
                scaler.update()
            seen.append(scaler.get_scale())
        scales.append(seen)
    assert scales[0] == scales[1]
    assert len(set(scales[0])) == 3


def test_unscaling_before_the_second_pass_is_an_error() -> None:
    problem = Problem()
    optimizer, scaler = _sam(problem), _scaler()
    scaler.scale(problem.loss(0)).backward()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(optimizer\) was called before ascend\(\)"):
        optimizer.ascend(scaler=scaler)


@pytest.mark.parametrize("build", [_sam, _plain])
def test_unscaling_and_clipping_after_the_second_pass(build: Any) -> None:
    problem = Problem()
    optimizer, scaler = build(problem), _scaler()
    before = [p.detach().clone() for p in problem.params]
    scaler.scale(problem.loss(0)).backward()
    if optimizer.ascend(scaler=scaler):
        scaler.scale(problem.loss(0)).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(problem.params, 1e-3)
    scaler.step(optimizer)
    moved = [(p.detach() - b).flatten() for p, b in zip(problem.params, before, strict=True)]
    # lr 0.05; weight decay adds a little to the clipped gradient
    assert torch.cat(moved).norm().item() < 0.05 * (1e-3 + 5e-4 * 10)


def test_a_scaler_that_is_disabled_changes_nothing() -> None:
    one, other = Problem(), Problem()
    a, b = _sam(one), _sam(other)
    for t in range(5):
        scaled_step(one, a, GradScaler("cpu", enabled=False), t, "two lines")
    by_closure(other, b, 5)
    assert same(one.params, other.params)


def test_no_scaler_but_something_else_is_refused() -> None:
    problem = Problem()
    optimizer = _sam(problem)
    problem.loss(0).backward()
    with pytest.raises(TypeError, match=r"scaler must be a torch\.amp\.GradScaler or None, not 3"):
        optimizer.ascend(scaler=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_trains(form: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    problem = Problem(dtype=torch.float32, norm=True)
    optimizer = sssam.SSSAM(
        BASES["momentum"](problem.params),
        schedule=constant(0.5),
        total_steps=60,
        mix=0.7,
        model=problem.model,
    )
    scaler = GradScaler("cpu", enabled=dtype == torch.float16, init_scale=2.0**24)
    first = problem.loss(0).item()
    for _ in range(60):
        with torch.autocast("cpu", dtype=dtype):  # its copies of the weights live for one context
            scaled_step(problem, optimizer, scaler, 0, form)
    assert problem.loss(0).item() < 0.7 * first
    if dtype == torch.float16:
        assert scaler.get_scale() < 2.0**24  # it did overflow at first
        assert optimizer.steps < 60


def test_both_passes_inside_one_autocast_context_see_their_own_weights() -> None:
    """Autocast caches the cast weights: without care the second pass would see w, not w + e."""
    one, other = Problem(dtype=torch.float32), Problem(dtype=torch.float32)
    inside, around = _sam(one), _sam(other)
    for t in range(10):
        for problem, optimizer, narrow in ((one, inside, False), (other, around, True)):
            with nullcontext() if narrow else torch.autocast("cpu", dtype=torch.bfloat16):
                for place in ("w", "w + e"):
                    with torch.autocast("cpu", dtype=torch.bfloat16):
                        loss = problem.loss(t)
                    loss.backward()
                    if place == "w":
                        assert optimizer.ascend()
                optimizer.step()
                optimizer.zero_grad()
    assert same(one.params, other.params)


def test_sparse_gradients_are_scaled_too() -> None:
    ends = []
    for scaler in (_scaler(), GradScaler("cpu", enabled=False)):
        torch.manual_seed(0)
        table = nn.Embedding(9, 3, sparse=True)
        optimizer = sssam.SAM(torch.optim.SparseAdam(table.parameters()), model=False)
        for t in range(4):
            rows = torch.tensor([t, t, t + 1])
            scaler.scale(table(rows).square().sum()).backward()
            if optimizer.ascend(scaler=scaler):
                scaler.scale(table(rows).square().sum()).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
        assert optimizer.steps == 4
        ends.append(list(table.parameters()))
    assert same(*ends)


@pytest.mark.parametrize("p", [0, 1])
def test_nothing_to_train_is_an_error_that_says_so(p: float) -> None:
    problem = Problem()
    problem.model.requires_grad_(False)
    optimizer = sssam.SSSAM(
        BASES["sgd"](problem.params), schedule=constant(p), total_steps=9, model=False
    )
    with pytest.raises(RuntimeError, match="a pass brought no gradients"):
        optimizer.step(lambda: problem.loss(0), scaler=_scaler())


EVERY_PASS = frozenset({"plain", "ascent", "descent"})


@pytest.mark.parametrize(
    ("name", "form"), [(n, form) for n, row in TABLE.items() for form in row.forms]
)
def test_a_step_that_overflows_might_as_well_not_have_been(name: str, form: str) -> None:
    """Of every method: the step is skipped, and nothing that it keeps remembers it."""
    calm, harried = TABLE[name].problem(), TABLE[name].problem()
    reference = TABLE[name].build(BASES["momentum"](calm.params), calm.model)
    optimizer = TABLE[name].build(BASES["momentum"](harried.params), harried.model)
    scaler = _scaler()
    for t in range(8):
        if t in (0, 3, 5):
            before = [p.detach().clone() for p in harried.params]
            scaled_step(harried, optimizer, scaler, t + 1, form, EVERY_PASS)
            assert same(harried.params, before)
            assert optimizer.steps == t
            optimizer.zero_grad()
        scaled_step(harried, optimizer, scaler, t, form)
        scaled_step(calm, reference, _scaler(), t, form)
    assert same(calm.params, harried.params)
    assert scaler.get_scale() == 2.0**7
    assert optimizer.ascents == reference.ascents


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["SAM", "GSAM", "FriendlySAM", "LookSAM"])
def test_a_non_finite_ascent_without_a_scaler_moves_nothing(name: str, form: str) -> None:
    """e = 0: the step is the base optimizer's own, at w."""
    problem = TABLE[name].problem()
    optimizer = TABLE[name].build(BASES["momentum"](problem.params), problem.model)
    disabled = GradScaler("cpu", enabled=False)
    scaled_step(problem, optimizer, disabled, 0, form, frozenset({"ascent"}))
    alone = TABLE[name].problem()
    base = BASES["momentum"](alone.params)
    alone.loss(0).backward()
    base.step()
    assert optimizer.steps == optimizer.counters.voided == 1
    torch.testing.assert_close(problem.params, alone.params, rtol=1e-12, atol=1e-14)
