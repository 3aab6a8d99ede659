"""Checkpoints that are refused, or saved and loaded where a step has failed."""

import copy
import io
from typing import Any

import pytest
import torch

import sssam
from tests.problems import BASES, Problem, by_closure, same


def _through_disk(state: Any) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


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
    "broken names": (
        lambda saved: _edited(saved, "sssam.kept", "[1]"),
        r"sssam\.kept of the checkpoint must be a JSON object, not '\[1\]'",
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
