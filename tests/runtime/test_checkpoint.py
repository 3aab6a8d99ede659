"""State dicts: torch's own format, safe to load, exact to the bit, honest about differences."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import (
    get_optimizer_state_dict,
    get_state_dict,
    set_state_dict,
)

import sssam
from sssam.schedules import constant, late, linear
from tests.problems import BASES, Problem, by_best, by_closure, by_passes, same
from tests.table import TABLE


def _through_disk(state: Any) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.resumes])
@pytest.mark.parametrize("base", ["momentum", "adamw"])
@pytest.mark.parametrize("cut", [1, 6, 13])
def test_a_run_cut_anywhere_and_resumed_equals_the_uncut_run(
    name: str, base: str, cut: int
) -> None:
    whole = Problem(norm=True, dropout=0.2)
    uncut = TABLE[name].build(BASES[base](whole.params), whole.model)
    by_best(whole, uncut, 20)
    end = torch.get_rng_state()

    torch.manual_seed(0)
    first = Problem(norm=True, dropout=0.2)
    optimizer = TABLE[name].build(BASES[base](first.params), first.model)
    by_best(first, optimizer, cut)
    saved = _through_disk({"model": first.model.state_dict(), "optimizer": optimizer.state_dict()})
    rng = torch.get_rng_state()

    second = Problem(seed=9, norm=True, dropout=0.2)
    second._x, second._y = first._x, first._y
    resumed = TABLE[name].build(BASES[base](second.params), second.model)
    second.model.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["optimizer"])
    torch.set_rng_state(rng)
    by_best(second, resumed, 20 - cut, cut)
    assert same(whole.params, second.params)
    assert same(list(whole.model.buffers()), list(second.model.buffers()))
    assert torch.equal(torch.get_rng_state(), end)
    for name_ in ("steps", "ascents", "propagations", "counters"):
        assert getattr(uncut, name_) == getattr(resumed, name_)


def test_the_format_is_torch_s_own() -> None:
    problem = Problem()
    optimizer = sssam.LookSAM(BASES["adamw"](problem.params), k=2, model=False)
    by_closure(problem, optimizer, 3)
    saved = optimizer.state_dict()
    assert set(saved) == {"state", "param_groups"}
    assert set(saved["state"][0]) == {"step", "exp_avg", "exp_avg_sq", "sssam.v"}
    group = saved["param_groups"][0]
    assert all(
        isinstance(value, int | float | str)
        for key, value in group.items()
        if key.startswith("sssam.")
    )
    assert group["sssam.steps"] == 3
    assert "sssam.v" not in optimizer.bases[0].state[problem.params[0]]
    assert "sssam.steps" not in optimizer.bases[0].param_groups[0]


@pytest.mark.parametrize("base", ["sgd", "momentum", "adamw", "adagrad"])
def test_checkpoints_cross_between_base_and_wrapper(base: str) -> None:
    problem = Problem()
    optimizer = sssam.LookSAM(BASES[base](problem.params), k=2, model=False)
    by_closure(problem, optimizer, 3)
    plain = BASES[base](Problem().params)
    plain.load_state_dict(optimizer.state_dict())
    other = Problem()
    other.model.load_state_dict(problem.model.state_dict())
    alone = BASES[base](other.params)
    alone.load_state_dict(optimizer.state_dict())
    by_closure(other, alone, 2)
    assert all(torch.isfinite(p).all() for p in other.params)

    wrapper = sssam.LookSAM(BASES[base](Problem().params), k=2, model=False)
    wrapper.load_state_dict(optimizer.bases[0].state_dict())
    assert wrapper.steps == 0


def test_loading_does_not_change_what_is_loaded() -> None:
    problem = Problem()
    optimizer = sssam.LookSAM(BASES["momentum"](problem.params), k=2, model=False)
    by_closure(problem, optimizer, 3)
    saved = optimizer.state_dict()
    copied = _through_disk(saved)
    optimizer.load_state_dict(saved)
    by_closure(problem, optimizer, 3)
    assert saved["param_groups"] == copied["param_groups"]
    assert same([saved["state"][0]["sssam.v"]], [copied["state"][0]["sssam.v"]])


@pytest.mark.parametrize(
    "changed", [{"schedule": constant(0.5)}, {"total_steps": 50}, {"seed": 1}, {"rho": 0.2}]
)
def test_a_checkpoint_of_other_settings_warns_naming_both(changed: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"schedule": linear(0, 1), "total_steps": 100, "seed": 0, "rho": 0.1}
    problem = Problem()
    saved = sssam.SSSAM(BASES["sgd"](problem.params), model=False, **settings).state_dict()
    other = sssam.SSSAM(BASES["sgd"](problem.params), model=False, **{**settings, **changed})
    with pytest.warns(UserWarning, match="was saved by") as caught:
        other.load_state_dict(saved)
    text = str(caught[0].message)
    key, value = next(iter(changed.items()))
    assert repr(value) in text
    assert repr(settings[key]) in text
    assert not [word for word in ("Switch", "Ascent", "Perturbed") if word in text]
    assert not [other for other in settings if other != key and f"{other}=" in text]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.load_state_dict(other.state_dict())


def test_a_checkpoint_of_another_model_is_refused_before_anything_changes() -> None:
    problem = Problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params), model=False)
    by_closure(problem, optimizer, 2)
    others = [torch.nn.Parameter(torch.zeros(3, n)) for n in (1, 2, 3, 4)]
    foreign = sssam.SAM(BASES["momentum"](others), model=False).state_dict()
    buffers = [state["momentum_buffer"].clone() for state in optimizer.state.values()]
    with pytest.raises(ValueError, match="checkpoint of another model"):
        optimizer.load_state_dict(foreign)
    fewer = sssam.SAM(torch.optim.SGD([{"params": [p]} for p in others], lr=0.1), model=False)
    with pytest.raises(ValueError, match="another model"):
        optimizer.load_state_dict(fewer.state_dict())
    with pytest.raises(ValueError, match="4 param groups, this optimizer 1"):
        optimizer.load_state_dict(fewer.bases[0].state_dict())
    assert same(buffers, [state["momentum_buffer"] for state in optimizer.state.values()])
    assert optimizer.steps == 2


@pytest.mark.parametrize("base", ["sgd", "momentum", "adamw"])
def test_torch_s_distributed_checkpoint_may_initialise_the_state(base: str) -> None:
    """It calls step() with zero gradients and lr 0: no error, no step, no ascent."""
    problem = Problem()
    before = [p.detach().clone() for p in problem.params]
    optimizer = sssam.SSSAM(
        BASES[base](problem.params), schedule=constant(1), total_steps=9, model=False
    )
    saved = get_optimizer_state_dict(problem.model, optimizer)
    assert saved["param_groups"][0]["sssam.steps"] == 0
    assert optimizer.steps == 0
    assert same(problem.params, before)
    by_passes(problem, optimizer, 1)
    assert optimizer.steps == optimizer.ascents == 1


LATE = sssam.methods.Switch(  # keeps its first vector at step 5
    sssam.roles.Scheduled(sssam.Draws(late(0.5), 10)),
    sssam.methods.Ascent(sssam.roles.Fresh(), sssam.roles.Euclidean(0.1), sssam.roles.Store()),
    sssam.methods.Reuse(0.5),
)
KEEPING: dict[str, Callable[[Any], sssam.SharpnessAware]] = {
    "LookSAM": lambda base: sssam.LookSAM(base, rho=0.1, k=2, model=False),
    "AsyncSAM": lambda base: sssam.AsyncSAM(base, rho=0.1, model=False),
    "FriendlySAM": lambda base: sssam.FriendlySAM(base, rho=0.1, model=False),
    "S2SAM": lambda base: sssam.S2SAM(base, rho=0.1, model=False),
    "late": lambda base: sssam.SharpnessAware(base, LATE, model=False),
}


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@pytest.mark.parametrize("cut", [0, 3, 6])
@pytest.mark.parametrize("base", ["sgd", "nesterov"])  # torch's first state has weight decay in it
@pytest.mark.parametrize("name", KEEPING)
def test_a_distributed_checkpoint_before_and_after_the_first_vector_is_kept(
    name: str, base: str, cut: int, tmp_path: Path
) -> None:
    """It loads no key that was not there before: room is made, and is not taken for a vector."""
    whole, first, second = Problem(), Problem(), Problem(seed=5)
    second._x, second._y = first._x, first._y
    uncut, optimizer, resumed = (
        KEEPING[name](BASES[base](problem.params)) for problem in (whole, first, second)
    )
    by_best(whole, uncut, 10)
    by_best(first, optimizer, cut)
    state = dict(zip(("model", "optimizer"), get_state_dict(first.model, optimizer), strict=True))
    dcp.save(state, checkpoint_id=tmp_path / "run")
    room = dict(zip(("model", "optimizer"), get_state_dict(second.model, resumed), strict=True))
    dcp.load(room, checkpoint_id=tmp_path / "run")
    set_state_dict(
        second.model,
        resumed,
        model_state_dict=room["model"],
        optim_state_dict=room["optimizer"],
    )
    assert resumed.steps == cut
    for problem, one in ((first, optimizer), (second, resumed)):
        by_best(problem, one, 10 - cut, cut)
        assert same(whole.params, problem.params)
        assert one.counters.voided == uncut.counters.voided


def test_room_is_made_for_a_parameter_that_no_gradient_has_reached() -> None:
    """Loaded, it has no part of the vector, as before: the base is given None, and not zeros."""
    problem = Problem()
    problem.model.register_parameter("unused", torch.nn.Parameter(torch.ones(2)))
    optimizer = KEEPING["LookSAM"](BASES["momentum"](problem.params))
    get_state_dict(problem.model, optimizer)
    by_closure(problem, optimizer, 1)
    saved = _through_disk(optimizer.state_dict())
    at = [p is problem.model.unused for p in problem.params].index(True)
    assert not saved["state"][at]["sssam.v"].any()
    optimizer.load_state_dict(saved)
    by_closure(problem, optimizer, 1, 1)
    assert problem.model.unused.grad is None
    del saved["state"][at + 1]["sssam.v"]
    with pytest.raises(ValueError, match=r"lacks sssam\.v in the state of parameter"):
        optimizer.load_state_dict(saved)


@pytest.mark.parametrize("base", ["sgd", "adamw"])
def test_a_first_step_at_a_learning_rate_of_0_is_a_step_like_any(base: str) -> None:
    """A warm-up may begin at 0; torch.distributed.checkpoint's own step has no gradients, too."""
    problem = Problem()
    optimizer = sssam.SAM(BASES[base](problem.params), model=False)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    problem.loss(0).backward()
    with pytest.raises(RuntimeError, match="ascend\\(\\) was not called after backward"):
        optimizer.step()
    assert not optimizer.state
    by_closure(problem, optimizer, 1)
    assert optimizer.steps == optimizer.ascents == 1


def test_a_relay_does_not_count_the_step_that_initialises_its_state() -> None:
    problem = Problem()
    relay = sssam.Relay(BASES["sgd"](problem.params), BASES["momentum"](problem.params), at=2)
    for optimizer in (relay, sssam.SAM(relay, model=False)):
        get_optimizer_state_dict(problem.model, optimizer)
        assert relay.steps == 0
