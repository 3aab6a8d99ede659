"""Runs that are cut and resumed: over several numbers of ranks, and with ZeRO's state gathered."""

from itertools import pairwise

import pytest
import torch

from tests.distributed.launch import launch
from tests.distributed.resumed import CUTS, INNER, METHODS
from tests.distributed.test_ranks import Results, _close

pytestmark = [
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed"),
]
KEPT = {"LookSAM": "sssam.v", "FriendlySAM": "sssam.m", "AsyncSAM": "sssam.stale"}


def _launch(factory: pytest.TempPathFactory, name: str, ranks: int, **settings: object) -> Results:
    environment = {key: str(value) for key, value in settings.items()}
    return launch(name, factory.mktemp(name), ranks, of="resumed", **environment)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> list[Results]:
    """Two ranks, one alone, and two again."""
    files = tmp_path_factory.mktemp("chain")
    return [
        _launch(tmp_path_factory, "link", ranks, FIRST=first, LAST=last, CHECKPOINTS=files)
        for ranks, (first, last) in zip((2, 1, 2), pairwise(CUTS), strict=True)
    ]


@pytest.mark.parametrize("name", METHODS)
def test_a_sharded_run_cut_and_resumed_on_other_ranks_ends_as_one_never_cut(
    chain: list[Results], name: str
) -> None:
    """`torch.distributed.checkpoint` saves a method's vectors and counters with the base's."""
    uncut = chain[0][0][f"{name}, uncut"]
    one, other = (rank[name]["weights"] for rank in chain[-1])
    assert one == other
    _close(one, uncut["weights"])
    assert chain[-1][0][name]["counters"] == uncut["counters"]
    assert [part[0][name]["begun"] for part in chain] == [*CUTS[:-1]]
    assert {KEPT.get(name, "momentum_buffer"), "momentum_buffer"} <= {*chain[0][0][name]["kept"]}


@pytest.fixture(scope="module")
def zero(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return _launch(tmp_path_factory, "zero", 2, CHECKPOINTS=tmp_path_factory.mktemp("zero"))


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("name", ["SSSAM", "LookSAM"])
def test_zero_s_state_is_gathered_saved_and_loaded(zero: Results, name: str, inner: str) -> None:
    """On the ranks again to the bit, and in one process without ZeRO to rounding."""
    for rank in zero:
        run = rank[f"{name}, {inner}"]
        assert "call `consolidate_state_dict(to=" in run["refused"]
        assert run["begun"] == 10
        assert run["resumed"] == run["uncut"] == zero[0][f"{name}, {inner}"]["uncut"]
        _close(run["unsharded"], run["uncut"])
