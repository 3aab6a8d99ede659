"""Parameters that get no gradient on some steps, ranks or passes: ranks equal one process."""

import pytest
import torch

from tests.distributed.heads import METHODS, RUNS
from tests.distributed.launch import launch
from tests.distributed.test_ranks import Results, _close

pytestmark = [
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed"),
]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return launch("heads", tmp_path_factory.mktemp("heads"), of="heads")


@pytest.mark.parametrize(("form", "views"), RUNS)
@pytest.mark.parametrize("name", METHODS)
def test_unused_parameters_equal_one_process_with_the_whole_batch(
    ranks: Results, name: str, form: str, views: bool
) -> None:
    """What no rank uses has no gradient, thus no momentum or decay; what one uses has half."""
    key = f"{name}, {form}, bucket views {views}"
    one, other = ranks
    assert one[key] == other[key]
    assert one[f"{key}, ascents"] == other[f"{key}, ascents"] > 0
    _close(one[key], one[f"{name}, alone"])
