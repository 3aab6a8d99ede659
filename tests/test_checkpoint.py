"""State dicts: torch's own format, safe to load, exact to the bit, honest about differences."""

import copy
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


def _trained() -> tuple[Problem, Any]:
    problem = Problem()
    optimizer = sssam.LookSAM(BASES["momentum"](problem.params), rho=0.1, k=2, model=False)
    by_closure(problem, optimizer, 3)
    return problem, optimizer


def _edited(saved: Any, key: str, value: Any) -> Any:
    groups = [{**group, key: value} for group in saved["param_groups"]]
    if value is None:
        groups = [{k: v for k, v in group.items() if k != key} for group in groups]
    return {**saved, "param_groups": groups}


def _narrower(saved: Any) -> Any:
    return {**saved, "state": {**saved["state"], 1: {"sssam.v": torch.zeros(5)}}}


def _regrouped(saved: Any) -> Any:
    (group,) = _edited(saved, "sssam.shapes", None)["param_groups"]
    plain = {k: v for k, v in group.items() if not k.startswith("sssam.")}
    return {**saved, "param_groups": [{**plain, "params": group["params"][:-1]}]}


REFUSED = {
    "a newer format": (
        lambda saved: _edited(saved, "sssam.format", 2),
        r"has format 2 of sssam's part, and this sssam reads format 1",
    ),
    "an unknown key": (
        lambda saved: _edited(saved, "sssam.tilt", 0.5),
        r"has, of another version of sssam, sssam\.tilt in its param groups",
    ),
    "a missing key": (
        lambda saved: _edited(saved, "sssam.ascents", None),
        r"lacks sssam\.ascents in its param groups",
    ),
    "broken numbers": (
        lambda saved: _edited(saved, "sssam.numbers", "{"),
        r"sssam\.numbers of the checkpoint must be a JSON object, not '\{'",
    ),
    "a vector of another shape": (
        _narrower,
        r"sssam\.v of parameter 1 in the checkpoint must be a tensor of its shape \(8,\), not",
    ),
    "no state": (
        lambda saved: {"param_groups": saved["param_groups"]},
        r"state_dict has no 'state': it is not an optimizer's",
    ),
    "a model's": (
        lambda saved: {"0.weight": torch.zeros(2)},
        r"state_dict has no 'state'.* not \['0\.weight'\]",
    ),
    "fewer parameters": (_regrouped, "param group 0 has 3 parameters in the checkpoint, 4 in this"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_checkpoint_that_is_not_in_order_is_refused_before_anything_changes(name: str) -> None:
    change, text = REFUSED[name]
    _, optimizer = _trained()
    before = _through_disk(optimizer.state_dict())
    with pytest.raises(ValueError, match=text):
        optimizer.load_state_dict(change(_through_disk(before)))
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    for i, state in before["state"].items():
        assert same(list(state.values()), list(after["state"][i].values()))


def test_a_relay_that_refuses_a_checkpoint_stays_where_it_is() -> None:
    problem, other = Problem(), Problem()

    def relay(parameters: Any) -> sssam.Relay:
        return sssam.Relay(BASES["momentum"](parameters), BASES["sgd"](parameters), at=2)

    optimizer = sssam.SAM(relay(problem.params), model=False)
    theirs = sssam.SAM(relay(other.params), model=False)
    by_closure(other, theirs, 3)
    foreign = _edited(theirs.state_dict(), "sssam.shapes", "another")
    with pytest.raises(ValueError, match="another model"):
        optimizer.load_state_dict(foreign)
    assert optimizer.bases[0].steps == 0
    optimizer.load_state_dict(theirs.state_dict())
    assert optimizer.bases[0].steps == optimizer.steps == 3


def test_a_checkpoint_from_around_another_base_warns_naming_both() -> None:
    problem = Problem()
    saved = sssam.SAM(BASES["sgd"](problem.params), model=False).state_dict()
    other = sssam.SAM(torch.optim.Adagrad(problem.params), model=False)
    with pytest.warns(UserWarning, match="saved by an optimizer around SGD, and .* around Adagrad"):
        other.load_state_dict(saved)


def test_what_another_method_kept_is_left_out() -> None:
    problem, optimizer = _trained()
    other = sssam.SAM(BASES["momentum"](problem.params), model=False)
    with pytest.warns(UserWarning, match="was saved by"):
        other.load_state_dict(optimizer.state_dict())
    assert "sssam.v" not in other.state_dict()["state"][0]


def test_saving_amid_an_update_is_an_error_and_after_one_broken_off_a_warning() -> None:
    problem, optimizer = _trained()
    base = optimizer.bases[0]

    def save(*_: object) -> None:
        optimizer.state_dict()

    handle = base.register_step_pre_hook(save)
    text = r"state_dict\(\) was called while the base optimizer's update is under way"
    with pytest.raises(RuntimeError, match=text):
        by_closure(problem, optimizer, 1)
    handle.remove()
    with pytest.warns(UserWarning, match="broken off by an exception.*take an earlier checkpoint"):
        optimizer.state_dict()
    by_closure(problem, optimizer, 1)
    optimizer.state_dict()  # no warning any more
    assert optimizer.steps == 4


@pytest.mark.parametrize("model_first", [True, False])
def test_a_step_that_failed_at_w_plus_e_can_be_rolled_back(model_first: bool) -> None:
    """What is loaded into the model before the optimizer is not overwritten by the w it left."""
    problem = Problem(norm=True)
    optimizer = sssam.SAM(BASES["momentum"](problem.params), model=problem.model)
    by_closure(problem, optimizer, 1)
    saved = copy.deepcopy([problem.model.state_dict(), optimizer.state_dict()])
    by_closure(problem, optimizer, 1, first=1)
    problem.loss(2).backward()
    assert optimizer.ascend()
    problem.loss(2)  # the second pass, before it fails
    loads = [problem.model.load_state_dict, optimizer.load_state_dict]
    for i in (0, 1) if model_first else (1, 0):
        loads[i](saved[i])
    assert same(list(problem.model.state_dict().values()), list(saved[0].values()))
    assert optimizer.steps == 1


def test_a_step_that_failed_is_given_up_where_the_optimizer_alone_is_loaded() -> None:
    problem = Problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params), model=problem.model)
    saved = copy.deepcopy(optimizer.state_dict())
    w = [p.detach().clone() for p in problem.params]
    problem.loss(0).backward()
    assert optimizer.ascend()
    assert not same(problem.params, w)
    optimizer.load_state_dict(saved)
    assert same(problem.params, w)
