"""The task files in examples/tasks train, without a network, and test every seed alike."""

from pathlib import Path

import pytest
import torch
from tiny import BASE, SAM

from sssam.lab import tasks
from sssam.lab.specs import Run
from sssam.lab.tasks import problems
from sssam.lab.tasks.examples import fingerprint
from sssam.lab.training import train

FOLDER = Path(__file__).parents[3] / "examples" / "tasks"
FILES = {
    "images": ((120, 3, 32, 32), "accuracy"),
    "table": ((50, 13), "accuracy"),
    "vit": ((400, 1, 8, 8), "accuracy"),
    "text": (None, "bytes predicted"),
    "regression": ((120, 10), "closeness"),
    "fine_tuning": (None, "accuracy"),
    "ivon_rival": ((50, 13), "accuracy"),
}
NEEDS = {"fine_tuning": "transformers", "ivon_rival": "ivon"}


def test_all_files_are_tried():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_an_example_trains_and_tests_every_seed_on_the_same_samples(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"{NEEDS[name]} is not installed")
    shape, metric = FILES[name]
    found = tasks.find(str(FOLDER / f"{name}.py"))
    assert found.metric == metric
    zero, one = (problems.make(found, seed) for seed in (0, 1))
    if shape is not None:
        assert zero.test.inputs.shape == shape
    assert torch.equal(zero.test.targets, one.test.targets)
    assert fingerprint([zero.validation]) != fingerprint([one.validation])
    method = BASE if name == "ivon_rival" else SAM
    record = train.train(Run(task=found.model_copy(update={"epochs": 1}), method=method, seed=0))
    assert record.outcome in ("finished", "diverged")
    assert record.error is None
    assert record.test_size == len(zero.test)
    assert 0 < record.test_accuracy < 1
