"""One epoch of a run: the passes that a method asks for, the update, and what follows it."""

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from sssam import SharpnessAware
from sssam.lab.tasks.problem import run_model
from sssam.lab.training import weights
from sssam.lab.training.order import Batch, batches
from sssam.lab.training.state import Training, now
from sssam.runtime.trainers import scaler_of


def run_epoch(training: Training) -> None:
    """Trains for one epoch and moves the position on; the clock runs for training alone."""
    position, device = training.position, training.fabric.device
    begun = now(device)
    for batch in batches(training, position.epoch):
        loss = step(training, batch)
    position.seconds += now(device) - begun
    position.epoch += 1
    finite = all(bool(weight.isfinite().all()) for weight in training.network.parameters())
    position.finite = finite and bool(loss.isfinite().all())


def step(training: Training, batch: Batch) -> Tensor:
    """One step of the method and of the learning rate; returns the loss of its last pass."""
    position, before = training.position, _ascents(training.optimizer)
    loss = _passes(training, batch)
    position.rate = float(training.base.param_groups[0]["lr"])
    if _updated(training.proxy):
        weights.average(training)
        if not weights.hold_rate(training):
            training.scheduler.step()
    if _ascents(training.optimizer) > before:
        position.ascended.append(position.step)
    position.step += 1
    return loss


def _passes(training: Training, batch: Batch) -> Tensor:
    """All passes of a step, in the form that serves every method; the losses are one a sample."""
    optimizer, backward = training.proxy, training.fabric.backward
    if not isinstance(training.optimizer, SharpnessAware):
        optimizer.zero_grad()
        loss = _loss(training, *batch)
        backward(loss.mean())
        return loss.detach()
    for p in optimizer.passes(batch, backward=backward):  # type: ignore[attr-defined]
        with torch.set_grad_enabled(p.grad):
            loss = _loss(training, p.x, p.y)
            p.backward(loss)
    return loss.detach()


def _updated(proxy: Optimizer) -> bool:
    """Makes the update, and returns whether it was made: a scaler skips it after an overflow."""
    scaler = scaler_of(proxy)
    before = 0.0 if scaler is None else scaler.get_scale()
    proxy.step()
    return scaler is None or bool(scaler.get_scale() >= before)


def _loss(training: Training, inputs: Any, targets: Any) -> Tensor:
    return training.loss(run_model(training.model, inputs), targets)


def _ascents(optimizer: Optimizer) -> int:
    return int(getattr(optimizer, "ascents", 0))
