"""A run before its first step: data, model, optimizer and learning rate."""

import copy
import hashlib

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR

from sssam.lab import data, loop, methods, models
from sssam.lab.data import Examples, Split
from sssam.lab.loop import Position, Training
from sssam.lab.specs import Run, Task


def prepare(run: Run, fabric: Fabric) -> Training:
    """All that a run trains with, on Fabric's device.

    Raises:
        ValueError: an unknown name, or a hyperparameter out of its range.
        FileNotFoundError: the data's path does not exist.
    """
    split = data.load(run.task.data, run.seed)
    network = models.build(run.task.model, split.shape, split.classes, run.seed)
    position = Position(initial=_weights_hash(network))
    _warm_up(network, split.train, run.task)
    split = _moved(split, fabric.device)
    base = _base(run.task, network)
    steps = loop.total_steps(run, len(split.train))
    optimizer = methods.build(run.method, base, steps, run.seed, network)
    model, proxy = fabric.setup(network, optimizer)
    scheduler = _scheduler(run.task, base, steps)
    return Training(run, fabric, split, network, model, base, optimizer, proxy, scheduler, position)


def _base(task: Task, network: nn.Module) -> Optimizer:
    rate, decay = task.learning_rate, task.weight_decay
    if task.optimizer == "sgd":
        return SGD(network.parameters(), lr=rate, momentum=task.momentum, weight_decay=decay)
    return AdamW(network.parameters(), lr=rate, weight_decay=decay)


def _scheduler(task: Task, base: Optimizer, steps: int) -> LRScheduler:
    """The learning rate over the run's own steps; one cycle leaves the momentum as it is."""
    if task.anneal == "one-cycle":
        return OneCycleLR(base, task.learning_rate, total_steps=steps, cycle_momentum=False)
    if task.anneal == "cosine":
        return CosineAnnealingLR(base, T_max=steps)
    return ConstantLR(base, factor=1.0, total_iters=0)


def _warm_up(network: nn.Module, examples: Examples, task: Task) -> None:
    """One pass on a copy, so that what torch does at its first pass is not in the time."""
    images, labels = (part[: task.batch_size] for part in examples)
    with torch.random.fork_rng(devices=[]):
        torch.autograd.backward(cross_entropy(copy.deepcopy(network)(images), labels))


def _weights_hash(network: nn.Module) -> str:
    """The SHA-256 of the weights and buffers by their names."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def _moved(split: Split, device: torch.device) -> Split:
    train, validation, test = (
        Examples(part.images.to(device), part.labels.to(device)) for part in split[:3]
    )
    return Split(train, validation, test, split.classes)
