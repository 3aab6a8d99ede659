"""All that a run trains with, and how far it has come."""

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from pydantic import BaseModel
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from sssam import SharpnessAware
from sssam.lab.specs import Point, Run
from sssam.lab.tasks.examples import Examples, Streamed
from sssam.lab.tasks.problem import Judgement, Problem

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Position(BaseModel):
    """How far a run has come: what a checkpoint keeps beside the states of torch's objects.

    `ascended` are the sharpness-aware steps, `rate` is the learning rate of the last step;
    `refreshes` are the forwards over the training set that an average of the weights took for batch
    norm.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    ascended: list[int] = []
    initial: str = ""
    rate: float = 0.0
    finite: bool = True
    refreshes: int = 0
    curve: list[Point] = []


class SplitData(NamedTuple):
    """The data of a run, on its device."""

    train: Examples | Streamed
    validation: Examples | Streamed
    test: Examples | Streamed


@dataclass
class Training:
    """All that a run trains with; `network` and `optimizer` are what Fabric's objects stand for.

    `loss` is trained on; the problem's own is what is reported. `average` gathers the average of
    the weights, and `evaluated` holds the state dict that is evaluated, where it isn't the last.
    """

    run: Run
    fabric: "Fabric"
    problem: Problem
    loss: Judgement
    split: SplitData
    network: nn.Module
    model: nn.Module
    base: Optimizer
    optimizer: Optimizer
    proxy: Optimizer
    scheduler: LRScheduler
    position: Position
    average: AveragedModel | None = None
    evaluated: dict[str, Any] | None = None

    @property
    def total_steps(self) -> int:
        return self.run.total_steps(len(self.split.train))

    @property
    def passes(self) -> tuple[float, float]:
        """Forwards and backwards run so far, in batches, those for batch norm among them."""
        forwards = backwards = float(self.position.step)  # of the base: one of each a step
        if isinstance(self.optimizer, SharpnessAware):
            counters = self.optimizer.counters
            forwards, backwards = counters.forwards, counters.backwards
        return forwards + self.position.refreshes * self.total_steps / self.run.epochs, backwards

    @property
    def propagations(self) -> float:
        """The passes run so far, in forward-backward passes: a backward is two forwards."""
        forwards, backwards = self.passes
        return (forwards + 2 * backwards) / 3


def now(device: torch.device) -> float:
    """Seconds, when the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter()
