"""The part of a batch in the trainers, where it would be a single sample."""

from pathlib import Path
from typing import Any

import pytest

import sssam
from tests.integrations import trainers
from tests.integrations.trainers import BATCH, STEPS

pytestmark = [
    # Lightning's advice on loader workers, on this machine's cores; nothing that a loop does.
    pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers"),
    # Lightning reads data trees by a name that torch has deprecated.
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning"),
]


@pytest.mark.parametrize(
    "trainer", [trainers.in_transformers, trainers.in_lightning, trainers.in_skorch]
)
def test_batch_norm_that_trains_gets_two_samples(trainer: Any, tmp_path: Path) -> None:
    def build(base: Any, model: Any, total_steps: int) -> sssam.SharpnessAware:
        return sssam.SAM(base, ascent_fraction=1 / BATCH, model=model)

    optimizer = trainer(build, tmp_path)
    assert optimizer.counters.forwards == STEPS * (1 + 2 / BATCH)
