"""One epoch of a run: the passes that a method asks for, in an order that no method can change."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from sssam import SharpnessAware
from sssam.lab import augment
from sssam.lab.examples import Examples, Streamed
from sssam.lab.problem import Problem, run_model
from sssam.lab.seeds import generator
from sssam.lab.specs import Point, Run


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
    """All that a run trains with; `network` and `optimizer` are what Fabric's objects stand for."""

    run: Run
    fabric: Fabric
    problem: Problem
    split: Parts
    network: nn.Module
    model: nn.Module
    base: Optimizer
    optimizer: Optimizer
    proxy: Optimizer
    scheduler: LRScheduler
    position: Position

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return total_steps(self.run, len(self.split.train))


def epochs(run: Run) -> int:
    """Epochs of a run: those of the task times the method's length."""
    return run.task.epochs * run.method.length


def total_steps(run: Run, examples: int) -> int:
    """Steps of a run on a training set of that size; the last batch of an epoch may be smaller."""
    return epochs(run) * -(-examples // run.task.batch_size)


def order(examples: int, seed: int, epoch: int) -> Tensor:
    """The order in which an epoch visits the training set: a function of seed and epoch alone."""
    return torch.randperm(examples, generator=generator("order", seed, epoch))


def run_epoch(training: Training) -> None:
    """Trains for one epoch and moves the position on; the clock runs for training alone."""
    position, train = training.position, training.split.train
    sequence = order(len(train), training.run.seed, position.epoch)
    if position.epoch < training.run.task.epochs:
        position.order = _chained(position.order, sequence, train)
    begun = _now(training.fabric.device)
    for inputs, targets in _batches(training, sequence):
        loss = _step(training, inputs, targets)
    position.seconds += _now(training.fabric.device) - begun
    position.epoch += 1
    position.finite = _finite(loss, training.network)


def _batches(training: Training, sequence: Tensor) -> Iterator[tuple[Any, Any]]:
    """The batches of an epoch in that order, augmented where the task says so."""
    task, seed, epoch = training.run.task, training.run.seed, training.position.epoch
    device = training.fabric.device
    batches = training.split.train.batches(sequence.to(device), task.batch_size, seed, epoch)
    if not task.augment:
        yield from ((inputs, targets) for _, inputs, targets in batches)
        return
    changed = augment.draw(len(sequence), seed, epoch, device)
    for index, inputs, targets in batches:
        yield changed(inputs, index), targets


def _step(training: Training, inputs: Any, targets: Any) -> Tensor:
    """One step of the method and of the learning rate; returns the loss of its last pass."""
    position, before = training.position, _ascents(training.optimizer)
    loss = _passes(training, inputs, targets)
    training.proxy.step()
    if _ascents(training.optimizer) > before:
        position.ascended |= 1 << position.step
    position.rate = float(training.base.param_groups[0]["lr"])
    training.scheduler.step()
    position.step += 1
    return loss


def _passes(training: Training, inputs: Any, targets: Any) -> Tensor:
    """All passes of a step, in the form that serves every method; the losses are one a sample."""
    optimizer, backward = training.proxy, training.fabric.backward
    model, loss_of = training.model, training.problem.loss
    if not isinstance(training.optimizer, SharpnessAware):
        optimizer.zero_grad()
        loss = loss_of(run_model(model, inputs), targets).mean()
        backward(loss)
        return loss.detach()
    for p in optimizer.passes((inputs, targets), backward=backward):  # type: ignore[attr-defined]
        with torch.set_grad_enabled(p.grad):
            loss = loss_of(run_model(model, p.x), p.y)
        p.backward(loss)
    return loss.detach()


def _ascents(optimizer: Optimizer) -> int:
    return int(getattr(optimizer, "ascents", 0))


def _chained(before: str, sequence: Tensor, train: Examples | Streamed) -> str:
    """The SHA-256 of the one before, of the examples in their order, and of their targets."""
    content = before.encode() + sequence.numpy().tobytes() + train.digest(sequence)
    return hashlib.sha256(content).hexdigest()


def _finite(loss: Tensor, network: nn.Module) -> bool:
    weights = (bool(weight.isfinite().all()) for weight in network.parameters())
    return bool(loss.isfinite().all()) and all(weights)


def _now(device: torch.device) -> float:
    """Seconds, when the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter()
