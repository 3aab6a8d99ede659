"""Where a large embedding stays in most rows, only the others are kept and moved."""

import math

import torch
from torch import nn

import sssam
from sssam.core.weights import Weights, moving_rows
from tests.problems import same

ROWS, WIDTH = 9000, 32


def _part(rows: list[int], value: float = 1.0) -> torch.Tensor:
    part = torch.zeros(ROWS, WIDTH)
    part[rows, 3] = value
    return part


def test_rows_that_are_not_zero_are_found() -> None:
    for value in (1e-45, -1e-45, -2.0, math.nan, math.inf):
        rows = moving_rows(_part([0, 17, ROWS - 1], value))
        assert rows is not None
        assert rows.tolist() == [0, 17, ROWS - 1]


def test_a_part_that_moves_in_many_rows_is_moved_as_a_whole() -> None:
    assert moving_rows(torch.ones(ROWS, WIDTH)) is None
    assert moving_rows(_part([*range(ROWS // 3)])) is None
    assert moving_rows(_part([*range(0, ROWS, 3)])) is None
    assert moving_rows(torch.zeros(ROWS * WIDTH)) is None


def test_rows_and_whole_tensors_move_and_come_back_bitwise() -> None:
    torch.manual_seed(0)
    params: list[torch.Tensor] = [
        nn.Parameter(torch.randn(ROWS, WIDTH)),
        nn.Parameter(torch.randn(5, 3)),
        nn.Parameter(torch.randn(WIDTH, ROWS).t()),
    ]
    before = [p.detach().clone() for p in params]
    e = {0: _part([5, 8000], 0.3), 1: torch.randn(5, 3), 2: _part([7], -0.2)}
    weights = Weights()
    for factor in (0.5, -2.0):
        weights.move(params, {**e}, factor)
        moved = [w + factor * e[i] for i, w in enumerate(before)]
        torch.testing.assert_close([p.detach() for p in params], moved)
        assert weights.moved
        weights.restore()
        for p, w in zip(params, before, strict=True):
            assert same([p.contiguous()], [w.contiguous()])
    saved = weights._backup.save(params, {**e})
    fresh = [copy.numel() for copy in saved.copies] + [r.copy.numel() for r in saved.rows.values()]
    assert sorted(fresh) == [15, WIDTH, 2 * WIDTH]


def test_what_is_loaded_over_moved_rows_is_kept() -> None:
    p = nn.Parameter(torch.zeros(ROWS, WIDTH))
    other = nn.Parameter(torch.zeros(3))
    weights = Weights()
    weights.move([other, p], {1: _part([4]), 0: torch.ones(3)})
    with torch.no_grad():
        p.copy_(torch.full_like(p, 7.0))
    weights.keep_written()
    weights.restore()
    assert bool((p == 7.0).all())
    assert not other.any()


def test_an_embedding_trains_as_with_sparse_gradients() -> None:
    ends = []
    for sparse in (False, True):
        torch.manual_seed(0)
        table = nn.Embedding(ROWS, WIDTH, sparse=sparse)
        optimizer = sssam.SAM(torch.optim.SGD(table.parameters(), lr=0.1), rho=0.5, model=False)
        for t in range(3):
            for p in optimizer.passes(torch.tensor([1, t, 5])):
                p.backward(table(p.batch).pow(3).sum())
            optimizer.step()
        ends.append(table.weight)
    torch.testing.assert_close(*ends)
