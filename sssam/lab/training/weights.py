"""The weights that a method evaluates: the last ones, an average of them, or the best epoch's.

Averages are gathered by torch's own `AveragedModel`; docs/laboratory.md has their definitions and
sources. The learning rate is annealed as without an average, but for "swa".

The horizon of "ema" is a part of the run, since a decay such as 0.999 means nothing for a run of
500 steps: Karras et al. (2023, arXiv:2312.02696) find the best one to be a part of the training's
length, and Busbridge et al. (2023, arXiv:2307.13813) scale the decay so that it stays one. The
share of the first weights in the average is exp(-(1 - start) / horizon), 0.7% by default. That of
"sema" is a part of an epoch, since what a switch takes up lags behind by it; the optimizer's own
state is left as it is, as in the authors' code.

"swa" keeps the learning rate from where it begins, since the mean of weights that no longer move
is the last weights. One cycle is then at 28% of its peak, a cosine at 15%; the paper keeps 20 to
100% of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, cast

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import (
    AveragedModel,
    get_ema_multi_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)

from sssam.lab.specs import Method, Run
from sssam.lab.tasks.problem import run_model
from sssam.lab.training.order import batches
from sssam.lab.training.state import Training, now
from sssam.schedules.base import steps_in


class Called(nn.Module):
    """A model, called as the laboratory calls it: a dict's entries are passed by their names."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Any) -> Any:
        return run_model(self.network, inputs)


def decay(method: Method, steps: int) -> float:
    """The decay over a run, for "sema" an epoch, of so many steps: its horizon is 1 / (1 - decay).

    >>> decay(Method(label="EMA", kind="base", average="ema"), 500)
    0.99
    """
    return 1 - 1 / max(1.0, method.average_horizon * steps)


def averaged(run: Run, network: nn.Module, steps: int) -> AveragedModel | None:
    """What the average is gathered in, a copy of the network; None for a method without one.

    Raises:
        ValueError: weights in bfloat16, which lose an average's small updates.
    """
    method = run.method
    if method.average == "none":
        return None
    if run.task.precision == "bf16-true":
        raise ValueError(
            f"average of method {method.label!r} is {method.average!r} with precision 'bf16-true', "
            "whose weights lose an average's small updates: take 'bf16-mixed'"
        )
    moving, mean = cast("Any", get_ema_multi_avg_fn), cast("Any", get_swa_multi_avg_fn)
    if method.average in ("swa", "lawa"):
        return AveragedModel(network, multi_avg_fn=mean())
    over = steps if method.average == "ema" else steps // run.epochs
    return AveragedModel(network, multi_avg_fn=moving(decay(method, over)))


def average(training: Training) -> None:
    """Takes the weights after a step into the average, once it has begun."""
    kind, steps = training.run.method.average, training.total_steps // training.run.epochs
    ends_epoch = (training.position.step + 1) % steps == 0
    if training.average is None or not _begun(training) or (kind == "lawa" and not ends_epoch):
        return
    training.average.update_parameters(training.network)
    if kind == "sema" and ends_epoch:
        pairs = zip(training.network.parameters(), training.average.parameters(), strict=True)
        with torch.no_grad():
            for p, mean in pairs:
                p.copy_(mean)


def hold_rate(training: Training) -> bool:
    """Whether the learning rate stays as it is after this step."""
    return training.run.method.average == "swa" and _begun(training)


def _begun(training: Training) -> bool:
    start = steps_in(training.run.method.averaged_from, training.total_steps)
    return training.position.step >= start


@contextmanager
def evaluated(training: Training) -> Iterator[None]:
    """The network at the average of its weights, with batch norm refreshed; then as it was.

    The refresh is counted where a user would make it: at the end, and with `patience` each epoch.
    """
    gathered, network = training.average, training.network
    if gathered is None or not gathered.n_averaged:
        yield
        return
    last = deepcopy(network.state_dict())
    network.load_state_dict(gathered.module.state_dict())
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
        training.evaluated = deepcopy(training.network.state_dict())


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
    """Whether the last `patience` epochs reached no better validation score."""
    patience, done = training.run.method.patience, training.position.epoch
    return patience is not None and done - evaluated_epoch(training) >= patience


def needs_refresh(network: nn.Module) -> bool:
    """Whether an average of a network needs batch norm's running statistics anew."""
    norms = (m for m in network.modules() if isinstance(m, _BatchNorm))
    return any(norm.track_running_stats for norm in norms)


def _refresh(training: Training) -> None:
    """One forward over the training set, in training mode, that leaves the generators be."""
    if not needs_refresh(training.network):
        return
    position, device = training.position, training.fabric.device
    begun = now(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        inputs = ((x,) for x, _ in batches(training, position.epoch - 1))
        update_bn(inputs, Called(training.model))
    if training.run.method.patience is not None or position.epoch == training.run.epochs:
        position.seconds += now(device) - begun
        position.refreshes += 1
