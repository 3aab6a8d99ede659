"""m-sharpness over the table: where a rank may keep its ascent pass, and where it is refused."""

import inspect
from typing import Any

import pytest
import torch
from torch import nn

import sssam
from sssam.methods import Ascent, Method, Switch
from sssam.roles import Euclidean, Every, Fresh, Gap, Kept, Last, Momentum
from tests.distributed.family import STEPS
from tests.distributed.launch import launch
from tests.methods.methods_table import may_be_per_rank
from tests.problems import BASES
from tests.table import TABLE

pytestmark = [
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed"),
]

#: Why the others can't, as the errors say it.
REFUSED = {
    "SAM mixed": "update uses the gradient of its first pass",
    "SSSAM late block": "update uses the gradient of its first pass",  # with a mix
    "LookSAM": "memory is made of its first pass",
    "GSAM": "update uses the gradient of its first pass",
    "GSAM with the rate": "update uses the gradient of its first pass",
    "WSAM": "update uses the gradient of its first pass",
    "WSAM coupled": "update uses the gradient of its first pass",
    "AESAM": "decision rests on the gradient of its first pass",
    "AESAM look-ahead": "decision rests on the gradient of its first pass",
    "FriendlySAM": "memory is made of its first pass",
    "AsyncSAM": "memory is made of its first pass",
    "MSAM": "runs no ascent pass at w",
    "S2SAM": "runs no ascent pass at w",
    "RandomPerturbation": "runs no ascent pass at w",
    "FlatLoRA": "runs no ascent pass at w",
    "SAMPa": "runs no ascent pass at w",
    "IRE": "runs no ascent pass at w",
}
ALLOWED = [name for name in TABLE if name not in REFUSED]


def _stand_in() -> nn.parallel.DistributedDataParallel:
    """Something of that type, without processes."""
    ddp: Any = object.__new__(nn.parallel.DistributedDataParallel)
    nn.Module.__init__(ddp)
    return ddp  # type: ignore[no-any-return]


def _optimizer(name: str) -> sssam.SharpnessAware:
    problem = TABLE[name].problem()
    return TABLE[name].build(BASES["momentum"](problem.params), problem.model)


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_where_ranks_would_part_or_nothing_could_stay(name: str) -> None:
    optimizer = _optimizer(name)
    with pytest.raises(ValueError, match=f"{REFUSED[name]}.*use perturbation='global'"):
        sssam.SharpnessAware(
            optimizer.bases, optimizer.method, model=_stand_in(), perturbation="per_rank"
        )


@pytest.mark.parametrize("name", TABLE)
def test_the_argument_is_there_where_some_setting_allows_it(name: str) -> None:
    kind = type(_optimizer(name))
    allowed = any(
        may_be_per_rank(_optimizer(other).method)
        for other in TABLE
        if type(_optimizer(other)) is kind
    )
    assert ("perturbation" in inspect.signature(kind.__init__).parameters) == allowed
    if allowed:
        with pytest.raises(ValueError, match="needs model to be the DistributedDataParallel"):
            kind(BASES["sgd"]([nn.Parameter(torch.ones(1))]), **_needed(kind))


def _needed(kind: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"perturbation": "per_rank", "model": nn.LayerNorm(2)}
    if kind is sssam.SSSAM:
        settings |= {"schedule": sssam.schedules.constant(0.5), "total_steps": 2}
    return settings


COMPOSED: dict[str, tuple[Method, bool]] = {
    "steps without an ascent pass between": (
        Switch(Every(2), Ascent(Fresh(), Euclidean(0.1)), Ascent(Momentum(), Euclidean(0.1))),
        True,
    ),
    "what is kept is the reduced gradient": (
        Switch(
            Every(2),
            Ascent(Fresh(), Euclidean(0.1), Kept()),
            Ascent(Last(), Euclidean(0.1), Kept()),
        ),
        True,
    ),
    "one of the two binds": (
        Switch(
            Every(2), Ascent(Fresh(), Euclidean(0.1)), Ascent(Fresh(), Euclidean(0.1), Gap(0.1))
        ),
        False,
    ),
    "the base's own step": (sssam.methods.Plain(), False),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_compositions(name: str) -> None:
    method, allowed = COMPOSED[name]
    assert may_be_per_rank(method) == allowed


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return launch("per_rank", tmp_path_factory.mktemp("family"), of="family")


@pytest.mark.parametrize("name", ALLOWED)
def test_per_rank_equals_a_simulation_and_sends_once_a_step(
    ranks: list[dict[str, Any]], name: str
) -> None:
    one, other = (rank[name] for rank in ranks)
    assert one["weights"] == other["weights"]
    assert one["reductions"] == STEPS
    torch.testing.assert_close(
        torch.tensor(one["weights"], dtype=torch.float64),
        torch.tensor(one["simulated"], dtype=torch.float64),
        rtol=1e-11,
        atol=1e-12,
    )
