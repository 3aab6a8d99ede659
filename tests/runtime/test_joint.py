"""A cycled momentum over bases that have none: as torch does, alone and in a list."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR

import sssam

W = nn.Parameter
KINDS = ["Adagrad", "RMSprop", "SGD", "Adadelta"]


def _bases(kind: str) -> tuple[Any, Any]:
    p, q = W(torch.ones(3)), W(torch.ones(2))
    return getattr(torch.optim, kind)([p], lr=0.1), torch.optim.AdamW([q])


def _steps(optimizer: Any, schedule: Any, *bases: Any) -> list[Any]:
    seen = []
    for _ in range(6):
        for base in bases:
            for group in base.param_groups:
                for p in group["params"]:
                    p.grad = torch.ones_like(p)
        if isinstance(optimizer, sssam.SharpnessAware):
            optimizer.ascend()
            for base in bases:
                for group in base.param_groups:
                    for p in group["params"]:
                        p.grad = torch.ones_like(p)
        optimizer.step()
        schedule.step()
        seen.append([group.get("momentum", group.get("betas")) for group in optimizer.param_groups])
        seen.append([group["lr"] for group in optimizer.param_groups])
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_one_cycle_over_a_base_alone_does_what_it_does_without_us(kind: str) -> None:
    ends = []
    for wrapped in (False, True):
        base, _ = _bases(kind)
        optimizer: Any = sssam.SAM(base, model=False) if wrapped else base
        try:
            schedule = OneCycleLR(optimizer, 0.1, total_steps=10)
        except ValueError as error:
            assert kind in ("Adagrad", "Adadelta")
            assert "must support momentum or beta1" in str(error)  # noqa: PT017
            schedule = OneCycleLR(optimizer, 0.1, total_steps=10, cycle_momentum=False)
        ends.append((_steps(optimizer, schedule, base), base.param_groups[0]["params"][0]))
    assert ends[0][0] == ends[1][0]
    assert torch.equal(ends[0][1], ends[1][1])


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("kind", ["Adagrad", "Adadelta"])
def test_in_a_list_one_without_a_momentum_gets_torch_s_own_error(kind: str, first: bool) -> None:
    pair = list(_bases(kind))
    optimizer = sssam.SAM(pair if first else pair[::-1], model=False)
    for build in (OneCycleLR, CyclicLR):
        settings = {"total_steps": 10} if build is OneCycleLR else {"base_lr": 0.01}
        with pytest.raises(ValueError, match="must support momentum or beta1"):
            build(optimizer, max_lr=0.1, **settings)
    schedule = OneCycleLR(optimizer, 0.1, total_steps=10, cycle_momentum=False)
    seen = _steps(optimizer, schedule, *pair)
    assert all(None in momenta and (0.9, 0.999) in momenta for momenta in seen[::2])
    assert all(one == other for one, other in seen[1::2])


@pytest.mark.parametrize("first", [True, False])
def test_in_a_list_a_momentum_of_0_is_cycled_as_torch_cycles_it(first: bool) -> None:
    """OneCycleLR turns RMSprop's momentum on, with us and without."""
    pair = list(_bases("RMSprop"))
    optimizer = sssam.SAM(pair if first else pair[::-1], model=False)
    _steps(optimizer, OneCycleLR(optimizer, 0.1, total_steps=10), *pair)
    alone, _ = _bases("RMSprop")
    _steps(alone, OneCycleLR(alone, 0.1, total_steps=10), alone)
    momentum = alone.param_groups[0]["momentum"]
    assert 0.85 <= momentum < 0.95
    assert pair[0].param_groups[0]["momentum"] == momentum
    assert pair[1].param_groups[0]["betas"] == (momentum, 0.999)


@pytest.mark.filterwarnings("ignore")  # torch warns of its own deprecated parts while it traces
def test_in_a_list_each_base_s_groups_stay_the_dicts_that_they_were() -> None:
    """Which others hold, and which torch.compile reads in a compiled step."""
    sgd, adam = _bases("SGD")
    sgd.step = torch.compile(sgd.step, backend="eager")
    held = sgd.param_groups[0]
    optimizer = sssam.SAM([sgd, adam], model=False)
    schedule = OneCycleLR(optimizer, 0.1, total_steps=10)
    _steps(optimizer, schedule, sgd, adam)
    assert type(held) is dict
    assert held is sgd.param_groups[0]
    assert held["lr"] == optimizer.param_groups[0]["lr"] == schedule.get_last_lr()[0]
    assert held["momentum"] == adam.param_groups[0]["betas"][0]
    optimizer.param_groups = list(optimizer.param_groups)
    assert type(sgd.param_groups[0]) is dict
    assert "betas" not in optimizer.param_groups[0]
    assert optimizer.param_groups[0].get("betas") is None
    optimizer.param_groups[0]["weight_decay"] = 0.5
    del optimizer.param_groups[0]["nesterov"]
    assert held["weight_decay"] == 0.5
    assert optimizer.param_groups[0] == {**held}
    assert repr(optimizer.param_groups[0]) == repr(held)
