"""State dicts: torch's own format, safe to load, exact to the bit, honest about differences."""

import io
import warnings
from typing import Any

import pytest
import torch
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict

import sssam
from sssam.schedules import constant, linear
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
    for name_ in ("steps", "ascents", "forwards", "backwards", "propagations"):
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
