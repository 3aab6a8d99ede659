"""The order in which a run sees its training set, the same for all methods of a seed."""

import hashlib
from collections.abc import Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor

from sssam.lab.specs.seeds import generator
from sssam.lab.tasks import augment
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


def sample_hash(training: Training) -> str:
    """The SHA-256 of what the task's epochs show, those that a finished short run left out too.

    It is chained: of the epochs before, of the examples in their order, and of their targets.
    """
    position, train, epochs = training.position, training.split.train, training.run.task.epochs
    chain = ""
    for epoch in range(epochs if position.finite else min(position.epoch, epochs)):
        sequence = order(len(train), training.run.seed, epoch)
        content = chain.encode() + sequence.numpy().tobytes() + train.digest(sequence)
        chain = hashlib.sha256(content).hexdigest()
    return chain
