"""A deadline on two ranks whose clocks differ."""

from pathlib import Path

import pytest
import torch

from sssam.schedules import linear
from sssam.schedules.draws import Draws
from tests.distributed.deadlines import STEPS
from tests.distributed.launch import launch

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available(), reason="torch without distributed"
)


def test_ranks_with_different_clocks_go_by_the_first_one_s(tmp_path: Path) -> None:
    first, second = launch("clocks", tmp_path, of="deadlines")
    expected = [min(t / STEPS, 1.0) for t in range(STEPS + 2)]
    assert first["progress"] == second["progress"] == expected
    draws = Draws(linear(0.2, 0.8), seed=3)
    acts = [draws(t, u) for t, u in enumerate(expected)]
    assert 4 < sum(acts) < 14
    assert first["acts"] == second["acts"] == acts
    assert first["read"] == [True] * STEPS + [False] * 2  # from u = 1 on nothing is asked
    assert first["saved"] == second["saved"]
    assert first["weights"] == second["weights"]
