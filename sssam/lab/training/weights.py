"""The weights that a method evaluates: the last ones, an average of them, or the best epoch's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import update_bn

from sssam.lab.tasks.problem import run_model
from sssam.lab.training import loop
from sssam.lab.training.state import Training


class Called(nn.Module):
    """A model, called as the laboratory calls it: a dict's entries are passed by their names."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Any) -> Any:
        """The model's outputs."""
        return run_model(self.network, inputs)


@contextmanager
def evaluated(training: Training) -> Iterator[None]:
    """The network at the average of its weights, with batch norm refreshed; then as it was.

    The refresh is counted where a user would make it: at the end, and with `patience` each epoch.
    """
    average, network = training.average, training.network
    if average is None or not average.n_averaged:
        yield
        return
    last = _copied(network)
    network.load_state_dict(average.module.state_dict())
    try:
        _refresh(training)
        yield
    finally:
        network.load_state_dict(last)


def keep(training: Training) -> None:
    """Keeps the weights as they stand, if the method evaluates others than the last ones.

    With `patience` those of the first epoch with the best validation score are kept.
    """
    early = training.run.method.patience is not None
    if early and evaluated_epoch(training) != training.position.epoch:
        return
    if early or training.average is not None:
        training.evaluated = _copied(training.network)


def take(training: Training) -> None:
    """Puts the weights that were kept into the network, at the end of a run."""
    if training.evaluated is not None:
        training.network.load_state_dict(training.evaluated)


def evaluated_epoch(training: Training) -> int:
    """The epoch whose weights are evaluated: the last, or the first with the best score so far."""
    scores = [point.validation_accuracy for point in training.position.curve]
    early = training.run.method.patience is not None
    return scores.index(max(scores)) + 1 if early and scores else len(scores)


def stopped(training: Training) -> bool:
    """Whether the last `patience` epochs brought no better validation score."""
    patience, done = training.run.method.patience, training.position.epoch
    return patience is not None and done - evaluated_epoch(training) >= patience


def refreshed(network: nn.Module) -> bool:
    """Whether an average of a network needs a refresh: batch norm with running statistics."""
    norms = (m for m in network.modules() if isinstance(m, _BatchNorm))
    return any(norm.track_running_stats for norm in norms)


def _refresh(training: Training) -> None:
    """One forward over the training set, in training mode, that leaves the generators be."""
    if not refreshed(training.network):
        return
    position, device = training.position, training.fabric.device
    counts = training.run.method.patience is not None or position.epoch == training.run.epochs
    begun = loop.now(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        batches = ((part.inputs,) for part in loop.parts(training, position.epoch - 1))
        update_bn(batches, Called(training.model))
    if counts:
        position.seconds += loop.now(device) - begun
        position.refreshes += 1


def _copied(network: nn.Module) -> dict[str, Any]:
    state = network.state_dict()
    return {k: v.clone() if isinstance(v, Tensor) else v for k, v in state.items()}
