"""Copies of many tensors, of whatever type, size and strides, come back bit for bit."""

import torch
from torch import nn

from sssam.core.copies import LARGE, SMALL, Copies
from sssam.core.weights import Weights
from tests.problems import same


def _tensors() -> dict[int, torch.Tensor]:
    torch.manual_seed(0)
    return {
        0: torch.randn(3, 4),
        1: torch.randn(5),
        2: torch.randn(SMALL + 1),
        3: torch.randn(6, 7).t(),
        4: torch.randn(0, 3),
        5: torch.randn(()),
        6: torch.randn(4, dtype=torch.float64),
        7: torch.randn(2, 3, dtype=torch.float16),
        8: torch.randn(9, dtype=torch.float16),
        9: torch.randn(LARGE),
    }


def test_they_come_back_bitwise() -> None:
    tensors = _tensors()
    copies = Copies(tensors, {})
    for _ in range(2):
        for x in tensors.values():
            x.mul_(-1.5)
        before = [x.clone() for x in tensors.values()]
        copies.take()
        for x in tensors.values():
            x.fill_(torch.nan)
        copies.put_back()
        assert same([x.contiguous() for x in tensors.values()], [x.contiguous() for x in before])


def test_memory_for_large_ones_is_used_again() -> None:
    tensors, rooms = _tensors(), dict[int, torch.Tensor]()
    Copies(tensors, rooms)
    made = {i: room.data_ptr() for i, room in rooms.items()}
    assert {2, 3, 9} <= rooms.keys()
    assert not {0, 1, 7, 8} & rooms.keys()  # together with others of their type
    fewer = Copies({i: tensors[i] for i in (0, 2, 9)}, rooms)
    assert [fewer.copies[1].data_ptr(), fewer.copies[2].data_ptr()] == [made[2], made[9]]


def test_weights_come_back_where_other_parameters_move_at_each_step() -> None:
    """Stochastic depth: which parameters have a gradient changes."""
    params: list[torch.Tensor] = [nn.Parameter(x) for x in _tensors().values()]
    before = [p.detach().clone() for p in params]
    weights = Weights()
    for chosen in ([0, 1, 2], [1, 5, 9], [], [*range(10)], [8, 7], [*range(10)]):
        e = {i: torch.ones_like(params[i]) for i in chosen}
        weights.move(params, e, 0.5)
        for i, (p, w) in enumerate(zip(params, before, strict=True)):
            assert torch.equal(p.detach(), w + 0.5 if i in chosen else w)
        weights.restore()
        assert same([p.contiguous() for p in params], [w.contiguous() for w in before])
