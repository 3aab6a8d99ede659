"""Models that are sharded in part or in another way, and what each method sends."""

import pytest
import torch

from tests.distributed.launch import launch
from tests.distributed.test_ranks import METHODS, Results, _close

pytestmark = [
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed"),
]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return launch("shards", tmp_path_factory.mktemp("shards"), of="shards")


@pytest.mark.parametrize("name", METHODS)
def test_a_model_that_is_sharded_in_part_equals_the_unsharded_run(
    ranks: Results, name: str
) -> None:
    """As tensor parallelism leaves it, too: DTensors beside tensors that each rank has whole."""
    one, other = (rank["partly"] for rank in ranks)
    assert one[name] == other[name]
    _close(one[name], one[f"{name}, alone"])


@pytest.mark.parametrize("name", METHODS)
def test_ranks_send_nothing_but_their_gradients(ranks: Results, name: str) -> None:
    """They decide alike without a message: one reduction for each backward pass, and no more."""
    for rank in ranks:
        run = rank["messages"][name]
        assert run["sent"] == {"all_reduce": run["backwards"]}


def test_buffers_that_are_dtensors_are_put_back(ranks: Results) -> None:
    for rank in ranks:
        assert rank["buffers"] == {"calls": 1.0, "kind": "DTensor"}


def test_parameters_on_several_meshes_share_one_norm(ranks: Results) -> None:
    for rank in ranks:
        assert rank["meshes"]["e"] == pytest.approx([8**-0.5] * 8)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FSDP1", "must not hold parameters of FullyShardedDataParallel"),
        ("FSDP1 without the module", "must not hold parameters of FullyShardedDataParallel"),
        ("ZeRO", "keeps on each rank the momentum of some parameters alone"),
    ],
)
def test_what_would_silently_be_another_method_is_refused(
    ranks: Results, name: str, text: str
) -> None:
    for rank in ranks:
        assert text in rank["refused"][name]
