"""A base of another library is tried on a tiny parameter, and nothing of the real one moves."""

import random
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

import sssam
from sssam.runtime.rehearsal import rehearsed

W = nn.Parameter


class Foreign(torch.optim.Optimizer):
    """Keeps what it is told to, counts its steps in its groups, and draws random numbers."""

    def __init__(self, params: Any, keeps: str = "m", **more: Any) -> None:
        super().__init__(params, {"lr": 0.1, "betas": (0.9, 0.99), "k": 0, **more})
        self.keeps, self.rates = keeps, [0.1]

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            group["k"] += 1
            for p in group["params"]:
                p.add_(torch.rand_like(p), alpha=-0.1)
                if self.keeps:
                    self.state[p].setdefault(self.keeps, torch.zeros_like(p)).add_(p.grad)


class Failing(Foreign):
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        raise RuntimeError("no kernel on this device")


def test_its_state_is_that_after_two_steps() -> None:
    found = rehearsed(Foreign([W(torch.ones(3, 5))], "m"))
    assert found is not None
    p, state = found
    assert p.shape == (2, 2)
    assert torch.equal(state["m"], torch.ones(2, 2))


def test_the_base_its_hooks_and_the_generators_are_left_alone() -> None:
    w = W(torch.ones(3))
    base = Foreign([w], "m", scale=torch.ones(1))
    base.register_step_pre_hook(lambda *_: pytest.fail("a hook of the base was called"))
    everywhere = register_optimizer_step_pre_hook(lambda *_: pytest.fail("a global hook"))
    torch.manual_seed(3)
    before, python = torch.get_rng_state(), random.getstate()
    try:
        sssam.MSAM(base, model=False)
    finally:
        everywhere.remove()
    assert torch.equal(torch.get_rng_state(), before)
    assert random.getstate() == python
    assert torch.equal(w, torch.ones(3))
    assert not base.state
    assert base.param_groups[0]["k"] == 0


def test_a_base_that_a_scheduler_has_patched_is_tried() -> None:
    base = Foreign([W(torch.ones(3))], "z")
    torch.optim.lr_scheduler.StepLR(base, 3)
    with pytest.raises(ValueError, match=r"base=Foreign: .*keeps z.*Use SAM"):
        sssam.MSAM(base, model=False)


def test_a_base_that_keeps_nothing_has_no_momentum() -> None:
    with pytest.raises(ValueError, match=r"Foreign keeps nothing.*two steps.*use SAM, or SGD"):
        sssam.MSAM(Foreign([W(torch.ones(3))], ""), model=False)


def test_what_fails_or_has_objects_of_its_own_can_t_be_told_beforehand() -> None:
    assert rehearsed(Failing([W(torch.ones(3))])) is None
    base: Any = Foreign([W(torch.ones(3))])
    base.inner = [object()]
    assert rehearsed(base) is None
    sssam.MSAM(Failing([W(torch.ones(3))]), model=False)


def test_momentum_under_a_name_that_one_gives_is_found_in_any_composition() -> None:
    w = W(torch.ones(3))
    direction = sssam.roles.Momentum(buffers=("own",))
    method = sssam.methods.Ascent(direction, sssam.roles.Euclidean(0.5))
    optimizer = sssam.SharpnessAware(Foreign([w], "own"), method, model=False)
    for _ in range(2):
        optimizer.zero_grad()
        before = w.detach().clone()
        optimizer.ascend()
        moved = (w.detach() - before).norm().item()
        (w**2).sum().backward()
        optimizer.step()
    assert moved == pytest.approx(0.5, rel=1e-5)
    with pytest.raises(ValueError, match=r"base=Foreign: .*keeps z"):
        sssam.SharpnessAware(Foreign([w], "z"), method, model=False)
