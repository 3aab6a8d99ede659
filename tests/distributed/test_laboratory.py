"""The laboratory under torchrun: two ranks equal one process, and one rank conducts the others."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from sssam.lab.runs import store as records
from sssam.lab.training.train import train
from tests.distributed.laboratory import METHODS, SIZES, plain, run
from tests.distributed.launch import launch

pytestmark = [
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed"),
]

Results = list[dict[str, Any]]
EVERY = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.label)


@pytest.fixture(scope="module")
def ddp(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return launch("ddp", tmp_path_factory.mktemp("ddp"), of="laboratory")


def _equal(one: dict[str, Any], other: dict[str, Any], tolerance: float) -> None:
    """Equal records: exactly in all that is counted, to a tolerance in the training loss."""
    one, other = copy.deepcopy(one), copy.deepcopy(other)
    losses = [[point.pop("train_loss") for point in each["curve"]] for each in (one, other)]
    assert losses[0] == pytest.approx(losses[1], rel=tolerance)
    assert one.pop("train_loss") == pytest.approx(other.pop("train_loss"), rel=tolerance)
    assert one == other


@EVERY
@pytest.mark.parametrize("size", SIZES)
def test_two_ranks_give_the_record_of_one_process(ddp: Results, method: Any, size: int) -> None:
    """In shares that differ, and with a last batch that leaves a rank nothing."""
    one, other = (rank["records"][f"{method.label}, {size}"] for rank in ddp)
    assert one == other
    _equal(one, plain(train(run(method, batch_size=size))), 1e-5)


def test_m_sharpness_through_fabric(ddp: Results) -> None:
    """Each rank perturbs by its own share: alike on all ranks, and not as by the global batch."""
    one, other = (rank["records"]["m-SAM"] for rank in ddp)
    assert one == other
    common = ddp[0]["records"]["SAM, 33"]
    assert one["forwards"] == common["forwards"]
    assert one["train_loss"] != common["train_loss"]


def test_batch_norm_and_dropout_leave_ranks_alike(ddp: Results) -> None:
    """All ranks evaluate with the first one's running statistics."""
    one, other = (rank["records"]["batch norm"] for rank in ddp)
    assert one["curve"] == other["curve"]
    assert one["correct"] == other["correct"]


def test_a_batch_smaller_than_the_ranks_is_refused(ddp: Results) -> None:
    for rank in ddp:
        assert "batch_size is 1, must be at least the number of ranks, 2" in rank["too few"]


def test_the_first_rank_conducts_a_comparison(tmp_path: Path) -> None:
    """Runs are trained once; refusals leave the others ready; a failed run leaves ranks in step."""
    one, other = launch("studies", tmp_path, of="laboratory")
    assert one == {"first": 0, "again": 0, "engine": 2, "broken": 1}
    assert set(other.values()) == {0}
    held = records.read_all(tmp_path / "digits" / "records")
    assert len(held.by_id) == 4
    assert not held.problems
    for record in held.by_id.values():
        assert record.environment is not None
        assert record.environment.device == "2 x cpu, 32-true"
        _equal(plain(record), plain(train(record.run)), 1e-3)
    broken = records.read_all(tmp_path / "broken" / "records").by_id.values()
    assert {(r.run.seed, r.outcome == "failed") for r in broken} == {(0, False), (1, True)}
    assert all("another rank failed" in (r.error or "") for r in broken if r.run.seed)


@pytest.mark.slow
def test_a_killed_rank_and_torchrun_s_restart_give_the_same_record(tmp_path: Path) -> None:
    """From the checkpoint of the epoch before; torchrun must not reuse the dead group's store."""
    ends = []
    for name in ("calm", "harried"):
        out = tmp_path / name
        out.mkdir()
        marker = tmp_path / "marker"  # nobody is killed where it is there
        marker.touch() if name == "calm" else marker.unlink()
        how = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1", "MARKER": str(marker)}
        ranks = launch("killed", out, of="laboratory", **how)
        assert [rank["restarts"] for rank in ranks] == [int(name == "harried")] * 2
        (record,) = records.read_all(out / "results" / "records").by_id.values()
        ends.append(plain(record))
    for end in ends:
        end["run"]["task"]["code"].pop("path")
    assert ends[0] == ends[1]
