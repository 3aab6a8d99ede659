"""A base over copies of the model's parameters would perturb what no pass runs on."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

import sssam

SAID = r"base has copies of model's parameters.*build it over model\.parameters\(\)"


def _net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def _masters(net: nn.Module) -> list[torch.Tensor]:
    return [nn.Parameter(p.detach().double()) for p in net.parameters()]


def _converted(net: nn.Module) -> list[torch.Tensor]:
    """As fully_shard does, or `to()` under torch's flag of that name."""
    before = list(net.parameters())
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        net.double()
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)
    return before


@pytest.mark.parametrize(
    "take", [_masters, _converted, lambda net: list(copy.deepcopy(net).parameters())]
)
def test_they_are_refused(take: Any) -> None:
    net = _net()
    with pytest.raises(ValueError, match=SAID):
        sssam.SAM(torch.optim.SGD(take(net), lr=0.1), model=net)
    sssam.SAM(torch.optim.SGD(net.parameters(), lr=0.1), model=net)


def test_other_tensors_and_parts_of_the_model_are_served() -> None:
    """A prompt before a frozen network, a head, and a network that is frozen itself."""
    net = _net()
    prompt = nn.Parameter(torch.zeros(2, 3))
    sssam.SAM(torch.optim.SGD([prompt], lr=0.1), model=net)
    sssam.SAM(torch.optim.SGD(net[2].parameters(), lr=0.1), model=net)
    twin = copy.deepcopy(net)
    net.requires_grad_(False)
    sssam.SAM(torch.optim.SGD(twin.parameters(), lr=0.1), model=net)
