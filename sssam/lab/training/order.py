"""The order in which a run sees its training set, the same for all methods of a seed."""

import hashlib
from collections.abc import Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor

from sssam.lab.specs.seeds import generator
from sssam.lab.tasks import augment
from sssam.lab.tasks.examples import Examples, Streamed
from sssam.lab.training.state import Training

#: Inputs and targets of a step.
Batch: TypeAlias = tuple[Any, Any]


def order(examples: int, seed: int, epoch: int) -> Tensor:
    """The order in which an epoch visits the training set: a function of seed and epoch alone."""
    return torch.randperm(examples, generator=generator("order", seed, epoch))


def batches(training: Training, epoch: int) -> Iterator[Batch]:
    """An epoch's batches in their order, augmented where the task says."""
    task, seed, train = training.run.task, training.run.seed, training.split.train
    sequence, drawn = order(len(train), seed, epoch).to(training.fabric.device), None
    for index, inputs, targets in train.batches(sequence, task.batch_size, seed, epoch):
        if task.augment != "none":
            drawn = drawn or augment.draw(task.augment, len(train), inputs, seed, epoch)
            inputs = drawn(inputs, index)
        yield inputs, targets


def extend_hash(training: Training) -> None:
    """Adds the epoch that is next to the hash of what was seen, if the task has so many."""
    position, train = training.position, training.split.train
    if position.epoch < training.run.task.epochs:
        sequence = order(len(train), training.run.seed, position.epoch)
        position.order = chained(position.order, sequence, train)


def sample_hash(training: Training) -> str:
    """The chained hash over the task's epochs, those that a finished short run left out too."""
    position, train, seed = training.position, training.split.train, training.run.seed
    chain = position.order
    for epoch in range(position.epoch, training.run.task.epochs if position.finite else 0):
        chain = chained(chain, order(len(train), seed, epoch), train)
    return chain


def chained(before: str, sequence: Tensor, train: Examples | Streamed) -> str:
    """The SHA-256 of the one before, of the examples in their order, and of their targets."""
    content = before.encode() + sequence.numpy().tobytes() + train.digest(sequence)
    return hashlib.sha256(content).hexdigest()
