"""All that a run trains with, and how far it has come."""

from dataclasses import dataclass, field
from typing import NamedTuple

from lightning_fabric import Fabric
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from sssam.lab.specs import Point, Run
from sssam.lab.tasks.examples import Examples, Streamed
from sssam.lab.tasks.problem import Judgement, Problem
from sssam.lab.tasks.shares import Share


@dataclass
class Position:
    """How far a run has come: what a checkpoint keeps beside the states of torch's objects.

    `ascended` is a bit set of steps, `order` the chained SHA-256 of the examples seen in the first
    `task.epochs` epochs, their labels with them, so that a run of double length has the same;
    `rate` the learning rate of the last step.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    ascended: int = 0
    order: str = ""
    initial: str = ""
    rate: float = 0.0
    finite: bool = True
    curve: list[Point] = field(default_factory=list)


class Parts(NamedTuple):
    """The data of a run, on its device."""

    train: Examples | Streamed
    validation: Examples | Streamed
    test: Examples | Streamed


@dataclass
class Training:
    """All that a run trains with; `network` and `optimizer` are what Fabric's objects stand for.

    `loss` is trained on; the problem's own is what is reported.
    """

    run: Run
    fabric: Fabric
    problem: Problem
    loss: Judgement
    split: Parts
    network: nn.Module
    model: nn.Module
    base: Optimizer
    optimizer: Optimizer
    proxy: Optimizer
    scheduler: LRScheduler
    position: Position
    share: Share = field(default_factory=Share)

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.run.total_steps(len(self.split.train))
