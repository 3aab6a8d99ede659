"""Checkpoints that several modules measure; `tiny` and `synthetic` are importable from below."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import BASE, SAM, TASK, run

from sssam.lab.cli import studies
from sssam.lab.specs import DataSpec, ModelSpec, Record
from sssam.lab.training.train import train

RESNET = TASK.model_copy(
    update={
        "model": ModelSpec(name="resnet8", widths=(2,)),
        "data": DataSpec(name="digits", train=64, validation=32),
        "epochs": 1,
    }
)


@pytest.fixture(scope="session", autouse=True)
def _untimed() -> Iterator[None]:
    """No seconds are measured after a study: that takes a while, and has tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studies, "after_runs", lambda *_: None)
        yield


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Record]]:
    """Checkpoints of an MLP trained in two ways, and of a network with batch norm."""
    folder, made = tmp_path_factory.mktemp("trained"), {}
    runs = {"base": run(BASE), "SAM": run(SAM), "resnet": run(BASE, task=RESNET)}
    runs["resnet SAM"] = run(SAM, task=RESNET)
    for name, each in runs.items():
        path = folder / f"{name}.pt"
        made[name] = path, train(each, checkpoint=path)
    return made
