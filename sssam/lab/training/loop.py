"""One epoch of a run: the passes that a method asks for, in an order that no method can change."""

import hashlib
from collections.abc import Iterator
from time import perf_counter
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from sssam import SharpnessAware
from sssam.core.vectors import local
from sssam.lab.specs.seeds import derived, generator
from sssam.lab.tasks import augment
from sssam.lab.tasks.examples import Examples, Streamed
from sssam.lab.tasks.problem import run_model
from sssam.lab.training import averages, methods
from sssam.lab.training.shares import RankBatch
from sssam.lab.training.state import Training
from sssam.runtime.batch_pass import BatchPass
from sssam.runtime.trainers import scaler_of


def order(examples: int, seed: int, epoch: int) -> Tensor:
    """The order in which an epoch visits the training set: a function of seed and epoch alone."""
    return torch.randperm(examples, generator=generator("order", seed, epoch))


def sample_hash(training: Training) -> str:
    """The chained hash over the task's epochs, those that a finished short run left out too."""
    position, train, seed = training.position, training.split.train, training.run.seed
    chain = position.order
    for epoch in range(position.epoch, training.run.task.epochs if position.finite else 0):
        chain = chained(chain, order(len(train), seed, epoch), train)
    return chain


def run_epoch(training: Training) -> None:
    """Trains for one epoch and moves the position on; the clock runs for training alone."""
    position, train = training.position, training.split.train
    if position.epoch < training.run.task.epochs:
        sequence = order(len(train), training.run.seed, position.epoch)
        position.order = chained(position.order, sequence, train)
    if training.share.rank:  # other dropout masks than the first rank's, and none to be kept
        torch.manual_seed(derived("global", training.run.seed, training.share.rank, position.epoch))
    begun = now(training.fabric.device)
    for part in parts(training, position.epoch):
        loss = step(training, part)
    position.seconds += now(training.fabric.device) - begun
    position.epoch += 1
    position.finite = _finite(loss, training)


def parts(training: Training, epoch: int) -> Iterator[RankBatch]:
    """This rank's part of an epoch's batches in their order, augmented where the task says."""
    task, seed, share = training.run.task, training.run.seed, training.share
    device, total = training.fabric.device, len(training.split.train)
    mine, size = share.order(order(total, seed, epoch), task.batch_size)
    drawn = None
    batches = training.split.train.batches(mine.to(device), size, seed, epoch)
    for first, (index, inputs, targets) in zip(
        range(0, total, task.batch_size), batches, strict=True
    ):
        if task.augment != "none":
            drawn = drawn or augment.draw(task.augment, total, inputs, seed, epoch)
            inputs = drawn(inputs, index)
        yield RankBatch(inputs, targets, min(task.batch_size, total - first), share)


def step(training: Training, part: RankBatch) -> Tensor:
    """One step of the method and of the learning rate; returns the loss of its last pass."""
    position, before = training.position, _ascents(training.optimizer)
    loss = _passes(training, part)
    position.rate = float(training.base.param_groups[0]["lr"])
    if _updated(training.proxy):
        averages.update(training)
        if not averages.holds_rate(training):
            training.scheduler.step()
    if _ascents(training.optimizer) > before:
        position.ascended |= 1 << position.step
    position.step += 1
    return loss


def _updated(proxy: Optimizer) -> bool:
    """Makes the update, and returns whether it was made: a scaler skips it after an overflow."""
    scaler = scaler_of(proxy)
    if scaler is None:
        proxy.step()
        return True
    before = scaler.get_scale()
    proxy.step()
    return bool(scaler.get_scale() >= before)


def _passes(training: Training, part: RankBatch) -> Tensor:
    """All passes of a step, in the form that serves every method; the losses are one a sample."""
    optimizer, backward = training.proxy, training.fabric.backward
    if not isinstance(training.optimizer, SharpnessAware):
        optimizer.zero_grad()
        loss = _loss(training, part.inputs, part.targets)
        backward((loss if training.share.world == 1 else loss * part.weight).mean())
        return loss.detach()
    for p in optimizer.passes(part.batch, backward=backward):  # type: ignore[attr-defined]
        with torch.set_grad_enabled(p.grad):
            loss = _passed(training, p)
    return loss.detach()


def _passed(training: Training, p: BatchPass) -> Tensor:
    """One pass on what of the batch it takes; on several ranks, on this rank's share of that."""
    if training.share.world == 1:
        loss = _loss(training, p.x, p.y)
        p.backward(loss)
        return loss
    chosen = p.y(p.x)
    loss = _loss(training, chosen.inputs, chosen.targets)
    p.backward(loss * chosen.weight)
    if loss.ndim and methods.chooses_samples(training.optimizer):
        whole = loss.new_zeros(len(p.x))
        whole[chosen.slots.to(whole.device)] = loss.detach()[: len(chosen.slots)]
        p.losses = cast(Tensor, training.fabric.all_reduce(whole, reduce_op="sum"))
    return loss


def _loss(training: Training, inputs: Any, targets: Any) -> Tensor:
    return training.loss(run_model(training.model, inputs), targets)


def _ascents(optimizer: Optimizer) -> int:
    return int(getattr(optimizer, "ascents", 0))


def chained(before: str, sequence: Tensor, train: Examples | Streamed) -> str:
    """The SHA-256 of the one before, of the examples in their order, and of their targets."""
    content = before.encode() + sequence.numpy().tobytes() + train.digest(sequence)
    return hashlib.sha256(content).hexdigest()


def _finite(loss: Tensor, training: Training) -> bool:
    """Whether the last loss and the weights are finite, on all ranks."""
    weights = training.network.parameters()
    finite = bool(loss.isfinite().all()) and all(bool(local(w).isfinite().all()) for w in weights)
    if training.share.world == 1:
        return finite
    failed = torch.tensor(float(not finite), device=training.fabric.device)
    return not training.fabric.all_reduce(failed, reduce_op="sum")


def now(device: torch.device) -> float:
    """Seconds, when the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter()
