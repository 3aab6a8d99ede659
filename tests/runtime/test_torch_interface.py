"""The wrapper is a torch optimizer: groups, state, schedulers, hooks, copies are the base's."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

import sssam
from sssam.schedules import linear
from tests.problems import (
    BASES,
    Matrices,
    Problem,
    by_best,
    by_closure,
    by_passes,
    by_two_lines,
    closure,
    same,
)
from tests.table import TABLE


def _sam(problem: Problem) -> sssam.SAM:
    return sssam.SAM(BASES["momentum"](problem.params), rho=0.1, model=problem.model)


def test_groups_state_and_defaults_are_the_base_s_also_after_loading() -> None:
    problem = Problem()
    optimizer = _sam(problem)
    base = optimizer.bases[0]
    by_closure(problem, optimizer, 2)
    saved = optimizer.state_dict()
    for _ in range(2):
        assert optimizer.param_groups is base.param_groups
        assert optimizer.state is base.state
        assert optimizer.defaults is base.defaults
        assert isinstance(optimizer, torch.optim.Optimizer)
        optimizer.load_state_dict(saved)


def test_groups_can_be_added_on_either_object_in_mid_run() -> None:
    ends = []
    for target in ("wrapper", "base"):
        problem = Problem()
        first, last = problem.params[:2], problem.params[2:]
        optimizer = sssam.LookSAM(
            torch.optim.SGD(first, lr=0.1, momentum=0.9), rho=0.1, k=2, model=False
        )
        by_closure(problem, optimizer, 3)
        for p in last:
            p.grad = None
        (optimizer if target == "wrapper" else optimizer.bases[0]).add_param_group(
            {"params": last, "lr": 0.01}
        )
        by_closure(problem, optimizer, 5, 3)
        assert len(optimizer.param_groups) == 2
        ends.append(problem.params)
    assert same(*ends)


@pytest.mark.parametrize("form", [by_closure, by_two_lines, by_passes])
def test_hooks_fire_once_a_step_on_either_object(form: Callable[..., object]) -> None:
    problem = Problem()
    optimizer = sssam.SSSAM(
        BASES["momentum"](problem.params),
        schedule=linear(0, 1),
        total_steps=10,
        model=problem.model,
    )
    calls: list[str] = []
    optimizer.register_step_pre_hook(
        lambda o, a, k: calls.append("pre") if o is optimizer else None
    )
    optimizer.register_step_post_hook(
        lambda o, a, k: calls.append("post") if o is optimizer else None
    )
    base = optimizer.bases[0]
    base.register_step_pre_hook(lambda o, a, k: calls.append("base pre") if o is base else None)
    everywhere = register_optimizer_step_pre_hook(lambda o, a, k: calls.append("global"))
    try:
        form(problem, optimizer, 10)
    finally:
        everywhere.remove()
    assert calls == ["global", "pre", "base pre", "post"] * 10


def test_a_hook_that_clips_sees_the_gradient_that_the_base_gets() -> None:
    problem = Problem()
    optimizer = sssam.SAM(torch.optim.SGD(problem.params, lr=1.0), rho=0.1, mix=0.5, model=False)
    optimizer.register_step_pre_hook(
        lambda o, a, k: nn.utils.clip_grad_norm_(problem.params, 1e-3) and None
    )
    before = [p.detach().clone() for p in problem.params]
    by_closure(problem, optimizer, 1)
    moved = torch.cat(
        [(p.detach() - b).flatten() for p, b in zip(problem.params, before, strict=True)]
    )
    assert moved.norm().item() == pytest.approx(1e-3, rel=1e-2)


def test_state_dict_hooks_fire_once() -> None:
    problem = Problem()
    optimizer = _sam(problem)
    by_closure(problem, optimizer, 1)
    calls: list[str] = []
    optimizer.register_state_dict_pre_hook(lambda o: calls.append("pre"))
    optimizer.register_state_dict_post_hook(lambda o, s: calls.append("post") or {**s, "mine": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, s: calls.append("load pre"))
    optimizer.register_load_state_dict_post_hook(lambda o: calls.append("load post"))
    saved = optimizer.state_dict()
    assert saved.pop("mine") == 1
    optimizer.load_state_dict(saved)
    assert calls == ["pre", "post", "load pre", "load post"]


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("how", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_trains_on_alike_and_apart(name: str, how: Callable[[Any], Any]) -> None:
    problem = Problem(norm=True)
    optimizer = TABLE[name].build(BASES["momentum"](problem.params), problem.model)
    by_best(problem, optimizer, 7)
    other, theirs = how((problem, optimizer))
    by_best(problem, optimizer, 7, 7)
    assert optimizer.steps == 14
    assert theirs.steps == 7
    by_best(other, theirs, 7, 7)
    assert same(problem.params, other.params)
    assert same(list(problem.model.buffers()), list(other.model.buffers()))
    assert theirs.param_groups is theirs.bases[0].param_groups


class Proxy:
    """What Fabric and Lightning do: another object whose `__dict__` is a copy."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.__dict__ = {
            k: v for k, v in optimizer.__dict__.items() if k not in ("state_dict", "step")
        }
        self.__class__ = type("Proxy", (self.__class__, optimizer.__class__), {})  # type: ignore[assignment]
        self._optimizer = optimizer

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return self._optimizer.step(closure)

    def state_dict(self) -> Any:
        return self._optimizer.state_dict()


def test_state_is_shared_with_proxies_that_copy_dict() -> None:
    one, other = Problem(), Problem()
    direct, inner = _sam(one), _sam(other)
    proxy: Any = Proxy(inner)
    by_two_lines(one, direct, 5)
    by_two_lines(other, proxy, 5)
    by_closure(one, direct, 5, 5)
    by_closure(other, proxy, 5, 5)
    assert same(one.params, other.params)
    assert proxy.steps == inner.steps == 10
    assert sssam.unwrap(proxy) is inner
    assert sssam.unwrap(inner) is inner
    for other_thing in (inner.bases[0], None, 3):
        with pytest.raises(TypeError, match="no sharpness-aware optimizer"):
            sssam.unwrap(other_thing)


def test_several_optimizers_are_perturbed_as_one() -> None:
    """Muon for matrices and AdamW for the rest: one norm, one perturbation, no gradient doubled."""
    problem = Problem()
    matrices = [p for p in problem.params if p.ndim == 2]
    rest = [p for p in problem.params if p.ndim != 2]
    bases = [torch.optim.Muon(matrices, lr=0.02), torch.optim.AdamW(rest, lr=0.01)]
    optimizer = sssam.SAM(bases, rho=0.2, model=problem.model)
    by_closure(problem, optimizer, 3)
    before = [p.detach().clone() for p in problem.params]
    problem.loss(3).backward()
    optimizer.ascend()
    e = torch.cat([(p.detach() - b).flatten() for p, b in zip(problem.params, before, strict=True)])
    assert e.norm().item() == pytest.approx(0.2)
    optimizer.restore()

    naive = Problem()
    their_matrices = [p for p in naive.params if p.ndim == 2]
    their_rest = [p for p in naive.params if p.ndim != 2]
    theirs = [torch.optim.Muon(their_matrices, lr=0.02), torch.optim.AdamW(their_rest, lr=0.01)]
    for t in range(3):
        w = [p.detach().clone() for p in naive.params]
        grads = torch.autograd.grad(naive.loss(t), naive.params)
        length = torch.cat([g.flatten() for g in grads]).norm()
        for p, g in zip(naive.params, grads, strict=True):
            p.data.add_(0.2 * g / length)
        for p, g in zip(
            naive.params, torch.autograd.grad(naive.loss(t), naive.params), strict=True
        ):
            p.grad = g
        for p, x in zip(naive.params, w, strict=True):
            p.data.copy_(x)
        for base in theirs:
            base.step()
    torch.testing.assert_close(before, [p.detach() for p in naive.params], rtol=1e-9, atol=1e-12)
    saved = copy.deepcopy(optimizer.state_dict())  # torch's loading shares tensors
    assert [i for group in saved["param_groups"] for i in group["params"]] == [0, 1, 2, 3]
    fresh = Problem()
    again = [
        torch.optim.Muon([p for p in fresh.params if p.ndim == 2], lr=0.02),
        torch.optim.AdamW([p for p in fresh.params if p.ndim != 2], lr=0.01),
    ]
    fresh.model.load_state_dict(problem.model.state_dict())
    resumed = sssam.SAM(again, rho=0.2, model=fresh.model)
    resumed.load_state_dict(saved)
    by_closure(problem, optimizer, 3, 3)
    by_closure(fresh, resumed, 3, 3)
    assert same(problem.params, fresh.params)
    assert len(resumed.state) == 4
    assert len(resumed.param_groups) == 2


def test_gradients_of_other_parameters_are_left_alone_by_the_wrapper() -> None:
    problem = Problem()
    mine = problem.params[:2]
    optimizer = sssam.SAM(torch.optim.SGD(mine, lr=0.1), model=problem.model)
    optimizer.step(closure(problem, optimizer, 0))
    assert all(p.grad is not None for p in problem.params[2:])


def test_repr_shows_the_method_and_the_base() -> None:
    problem = Matrices()
    optimizer = sssam.SSSAM(
        BASES["muon"](problem.params), schedule=linear(0, 1), total_steps=10, rho=0.1, model=False
    )
    text = repr(optimizer)
    assert "linear(0.0, 1.0)" in text
    assert "rho=0.1" in text
    assert "Muon" in text


def test_set_to_none_false_works() -> None:
    ends = []
    for set_to_none in (True, False):
        problem = Problem()
        optimizer = _sam(problem)
        for t in range(5):
            problem.loss(t).backward()
            if optimizer.ascend():
                problem.loss(t).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=set_to_none)
        ends.append(problem.params)
    assert same(*ends)
