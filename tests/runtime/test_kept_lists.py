"""What is kept from step to step is right again when the parameters or their groups change."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sssam
from tests.problems import same

Change = Callable[[list[nn.Parameter], torch.optim.Optimizer], object]


def _reverse(params: list[nn.Parameter], base: torch.optim.Optimizer) -> None:
    base.param_groups[0]["params"].reverse()


def _replace(params: list[nn.Parameter], base: torch.optim.Optimizer) -> None:
    params[1] = base.param_groups[0]["params"][1] = nn.Parameter(torch.ones(4))


def _own_radius(params: list[nn.Parameter], base: torch.optim.Optimizer) -> None:
    base.param_groups[0]["sssam_rho"] = 0.7


def _maximize(params: list[nn.Parameter], base: torch.optim.Optimizer) -> None:
    base.param_groups[0]["maximize"] = True


def _other_memory(params: list[nn.Parameter], base: torch.optim.Optimizer) -> None:
    for p in params:
        p.data = p.data.clone()


def _other_type(params: list[nn.Parameter], base: torch.optim.Optimizer) -> None:
    for p in params:
        p.data = p.data.double()


def _add(params: list[nn.Parameter], base: torch.optim.Optimizer) -> None:
    params.append(nn.Parameter(torch.full((2,), 0.5)))
    base.add_param_group({"params": [params[-1]]})


def _load(params: list[nn.Parameter], base: torch.optim.Optimizer) -> None:
    base.load_state_dict(copy.deepcopy(base.state_dict()))


CHANGES: list[Change] = [
    lambda params, base: params[0].requires_grad_(False),
    _reverse,
    _replace,
    _own_radius,
    _maximize,
    _other_memory,
    _other_type,
    _add,
    _load,
]


def _trained(change: Change, anew: bool) -> list[Tensor]:
    """Parameters after steps before and after a change; `anew`: each by an optimizer of its own."""
    torch.manual_seed(0)
    params = [nn.Parameter(torch.randn(shape)) for shape in ((3, 4), (4,), (70, 70))]
    base = torch.optim.SGD(params, lr=0.01)
    optimizer = sssam.SAM(base, rho=0.3, model=False)
    for t in range(6):
        if t == 3:
            change(params, base)
        if anew:
            optimizer = sssam.SAM(base, rho=0.3, model=False)
        for one in optimizer.passes(None):
            loss = sum(p.pow(4).mean() for p in params if p.requires_grad)
            assert isinstance(loss, Tensor)
            one.backward(loss)
        optimizer.step()
    return params  # type: ignore[return-value]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_found(change: Change) -> None:
    assert same(_trained(change, anew=False), _trained(change, anew=True))


def _stepped() -> tuple[sssam.SAM, Callable[[], Tensor]]:
    p = nn.Parameter(torch.ones(500))
    optimizer = sssam.SAM(torch.optim.SGD([p], lr=0.1), model=False)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = p.pow(2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return optimizer, closure


def test_the_copy_s_memory_is_in_no_copy_or_checkpoint_of_the_optimizer() -> None:
    optimizer, _ = _stepped()
    assert optimizer._training.weights._backup._copies.copies
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert not other._training.weights._backup._copies.copies
    assert "500" not in str({k: v for k, v in optimizer.state_dict()["state"].items() if v})


def test_release_amid_a_step_gives_it_up_and_training_goes_on() -> None:
    optimizer, closure = _stepped()
    (p,) = optimizer.param_groups[0]["params"]
    before: Any = p.detach().clone()
    closure()
    assert optimizer.ascend()
    assert not torch.equal(p, before)
    optimizer.release()
    assert torch.equal(p, before)
    assert not optimizer._training.weights._backup._copies.copies
    optimizer.step(closure)
    assert optimizer.steps == 2
