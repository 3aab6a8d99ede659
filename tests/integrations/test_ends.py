"""Trainings by the clock, and trainings that end too early, in each trainer that is installed."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sssam
from sssam.runtime import unfinished
from sssam.schedules import late
from tests.integrations import trainers

pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*is deprecated:FutureWarning"),
]

WHOLE = [trainers.in_transformers, trainers.in_lightning, trainers.in_skorch]
LOOPS = [trainers.by_hand, trainers.in_fabric, trainers.in_accelerate]


def _names(trainer: Any) -> str:
    return str(trainer.__name__)


@pytest.mark.parametrize("trainer", WHOLE, ids=_names)
def test_a_late_block_that_a_trainer_ends_before_is_said_there(
    trainer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, and nothing is left to say at exit; stopped early where the trainer has callbacks."""
    monkeypatch.setattr(unfinished, "SHORTEST", 2)

    def build(base: Any, model: nn.Module, _: int) -> sssam.SharpnessAware:
        return sssam.SSSAM(base, schedule=late(0.25), total_steps=100, model=model)

    early = {} if trainer is trainers.in_skorch else {"stops": 2}
    steps = 3 if trainer is trainers.in_skorch else 2
    with pytest.warns(UserWarning, match=rf"training ended after {steps} of total_steps=100"):
        optimizer = trainer(build, tmp_path, **early)
    assert optimizer.steps == steps
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unfinished.ended(optimizer._training)


@pytest.mark.parametrize("trainer", WHOLE + LOOPS, ids=_names)
def test_a_deadline_moves_the_schedule_in_each_trainer(trainer: Any, tmp_path: Path) -> None:
    now = iter(range(100))

    def build(base: Any, model: nn.Module, _: int) -> sssam.SharpnessAware:
        clock = sssam.Deadline(3.0, clock=lambda: float(next(now)))
        return sssam.SSSAM(base, schedule=late(0.5), progress=clock, model=model)

    optimizer = trainer(build, tmp_path)
    assert (optimizer.steps, optimizer.ascents) == (3, 1)  # u = 0, 1/3, 2/3
    assert optimizer.progress == 1.0


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_base_that_accelerate_prepared(wrapped: bool) -> None:
    """Served where Accelerate skips no step of it: as the bare one, to the bit."""
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
    ends = []
    for prepares in (False, True):
        net = trainers.Net()
        base: Any = trainers.base(net)
        if prepares:
            accelerator = accelerate.Accelerator(cpu=True)
            net, base = accelerator.prepare(net, base)
        optimizer: Any = sssam.SAM(base, rho=0.1, model=net)
        if prepares and wrapped:
            optimizer = accelerator.prepare(optimizer)
        sharp = sssam.unwrap(optimizer)
        for x, y in zip(*(each.split(trainers.BATCH) for each in trainers.data()), strict=True):
            for p in sharp.passes((x, y)):
                p.backward(nn.functional.cross_entropy(net(p.x), p.y))
            optimizer.step()
            optimizer.zero_grad()
        saved = sharp.state_dict()
        sharp.load_state_dict(saved)
        ends.append(torch.cat([p.detach().flatten() for p in net.parameters()]))
        assert sharp.steps == sharp.ascents == trainers.STEPS
    assert torch.equal(*ends)
