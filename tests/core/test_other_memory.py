"""Parameters that a pass gives other memory, as offloading does and FSDP2 before its first pass."""

import pytest
import torch
from torch import nn

from sssam.core.weights import Weights
from tests.problems import BASES, by_best, flat
from tests.table import TABLE


def _elsewhere(module: nn.Module, inputs: object) -> None:
    """A forward hook: each parameter as it is, in memory of its own."""
    for p in module.parameters():
        p.data = p.data.clone()


@pytest.mark.parametrize("name", TABLE)
def test_a_pass_may_give_the_parameters_other_memory(name: str) -> None:
    ends = []
    for hooked in (False, True):
        problem = TABLE[name].problem(dtype=torch.float32)
        optimizer = TABLE[name].build(BASES["momentum"](problem.params), problem.model)
        if hooked:
            problem.model.register_forward_pre_hook(_elsewhere)
        by_best(problem, optimizer, 6)
        ends.append(flat(problem.params))
    assert torch.equal(*ends)


def test_memory_of_another_shape_is_left_alone() -> None:
    """As a flat parameter gathered for a pass that failed: its owner puts the shard back."""
    p, weights = nn.Parameter(torch.ones(3)), Weights()
    shard = p.data
    weights.move([p], {0: torch.ones(3)})
    p.data = torch.zeros(7)
    weights.restore()
    assert torch.equal(p, torch.zeros(7))
    assert torch.equal(shard, torch.ones(3))


def test_memory_of_another_dtype_takes_the_weights_too() -> None:
    p, weights = nn.Parameter(torch.ones(3)), Weights()
    weights.move([p], {0: torch.ones(3)})
    p.data = p.data.double()
    weights.restore()
    assert torch.equal(p, torch.ones(3, dtype=torch.float64))


def test_two_parameters_may_exchange_their_memory() -> None:
    a, b = (nn.Parameter(torch.full((3,), value)) for value in (1.0, 2.0))
    weights = Weights()
    weights.move([a, b], {0: torch.ones(3), 1: torch.ones(3)})
    a.data, b.data = b.data, a.data
    weights.restore()
    assert (a[0].item(), b[0].item()) == (1.0, 2.0)


def test_what_is_kept_as_written_knows_other_memory() -> None:
    p, weights = nn.Parameter(torch.ones(3)), Weights()
    weights.move([p], {0: torch.ones(3)})
    p.data = p.data.clone()
    weights.keep_written()
    weights.restore()
    assert torch.equal(p, torch.ones(3))
