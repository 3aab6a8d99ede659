"""Several ranks, real processes: equal to one process, equal to each other, alike in decisions."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sssam
from tests.distributed.launch import launch
from tests.problems import BASES, Problem

pytestmark = [
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed"),
]

Results = list[dict[str, Any]]
METHODS = [
    "SAM",
    "SAM auto",
    "SAM mixed",
    "ASAM",
    "SSSAM",
    "LookSAM",
    "MSAM",
    "GSAM",
    "WSAM",
    "FriendlySAM",
]
METHODS += ["AsyncSAM", "MicroSAM", "RandomPerturbation"]


def _close(one: list[float], other: list[float], tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(
        torch.tensor(one, dtype=torch.float64),
        torch.tensor(other, dtype=torch.float64),
        rtol=tolerance,
        atol=tolerance,
    )


@pytest.fixture(scope="module")
def ddp(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return launch("ddp", tmp_path_factory.mktemp("ddp"))


@pytest.fixture(scope="module")
def fsdp(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return launch("fsdp", tmp_path_factory.mktemp("fsdp"))


@pytest.fixture(scope="module")
def per_rank(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return launch("per_rank", tmp_path_factory.mktemp("per_rank"))


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Results]:
    return {name: launch(name, tmp_path_factory.mktemp(name), 4) for name in ("ddp", "fsdp")}


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_four_ranks_equal_one_process(four: dict[str, Results], name: str) -> None:
    for kind, key in (("ddp", f"{name}, bucket views True"), ("fsdp", name)):
        one, *others = (rank[key] for rank in four[kind])
        assert len(others) == 3
        assert all(other == one for other in others)
        _close(one, four[kind][0][f"{name}, alone"])


@pytest.mark.parametrize("views", [False, True])
@pytest.mark.parametrize("name", METHODS)
def test_ddp_equals_one_process_with_the_whole_batch(ddp: Results, name: str, views: bool) -> None:
    """With `gradient_as_bucket_view` the second pass writes over the gradients of the first."""
    key = f"{name}, bucket views {views}"
    assert ddp[0][key] == ddp[1][key]
    _close(ddp[0][key], ddp[0][f"{name}, alone"])


@pytest.mark.parametrize("name", METHODS)
def test_fsdp2_equals_the_unsharded_run(fsdp: Results, name: str) -> None:
    assert fsdp[0][name] == fsdp[1][name]
    _close(fsdp[0][name], fsdp[0][f"{name}, alone"])


def test_sharded_parameters_need_their_module(fsdp: Results) -> None:
    assert (
        "model must be the sharded module where fully_shard is used"
        in fsdp[0]["without the module"]
    )


def test_accumulation_with_no_sync_equals_the_whole_batch(tmp_path: Path) -> None:
    one, other = launch("accumulate", tmp_path)
    assert one["weights"] == other["weights"]
    _close(one["weights"], one["alone"])


@pytest.mark.parametrize("form", ["passes", "closure", "two lines"])
def test_per_rank_equals_a_simulation_and_sends_once_a_step(per_rank: Results, form: str) -> None:
    one, other = per_rank
    assert one[form] == other[form]
    _close(one[form], one["naive"])
    assert one[f"{form}, reductions"] == 30
    assert 0 < one["ascents"] == other["ascents"] < 30
    assert one[f"{form}, synchronises"] is True


def test_ranks_stay_equal_when_one_overflows(tmp_path: Path) -> None:
    one, other = launch("overflow", tmp_path)
    for perturbation in ("global", "per_rank"):
        assert one[perturbation] == other[perturbation]
        assert one[f"{perturbation}, steps"] == other[f"{perturbation}, steps"] == 196
        assert "nan" not in one[perturbation]
    assert one["global, voided"] == other["global, voided"] == 40
    assert one["per_rank, voided"] == 40
    assert other["per_rank, voided"] == 0


def test_per_rank_is_refused_where_ranks_would_part() -> None:
    problem = Problem()
    base = BASES["momentum"](problem.params)
    with pytest.raises(ValueError, match="needs model to be the DistributedDataParallel module"):
        sssam.SAM(base, model=problem.model, perturbation="per_rank")
    with pytest.raises(
        ValueError, match="perturbation must be one of global, per_rank, not 'mine'"
    ):
        sssam.SAM(base, model=problem.model, perturbation="mine")  # type: ignore[arg-type]
    ddp = object.__new__(nn.parallel.DistributedDataParallel)
    nn.Module.__init__(ddp)
    for method in (
        sssam.SAM(base, mix=0.5, model=False).method,
        sssam.LookSAM(base, model=False).method,
    ):
        with pytest.raises(ValueError, match=r"(uses the gradient|is made) of its first pass"):
            sssam.SharpnessAware(base, method, model=ddp, perturbation="per_rank")


def test_a_killed_rank_and_torchrun_s_restart_change_nothing(tmp_path: Path) -> None:
    calm, harried = tmp_path / "calm", tmp_path / "harried"
    for folder in (calm, harried):
        folder.mkdir()
    (calm / "checkpoint.killed").touch()  # nobody is killed where somebody was
    ends = [
        launch("killed", folder, CHECKPOINT=str(folder / "checkpoint"))[0]
        for folder in (calm, harried)
    ]
    assert ends[1]["was killed"]
    assert ends[0]["weights"] == ends[1]["weights"]


def test_a_zero_redundancy_optimizer_as_the_base(tmp_path: Path) -> None:
    one, other = launch("zero", tmp_path)
    assert one["weights"] == other["weights"]
    _close(one["weights"], one["alone"])
