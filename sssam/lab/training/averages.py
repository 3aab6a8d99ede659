"""Averages of the weights over training, by torch's own `AveragedModel`.

"ema" is the exponential moving average of the weights after each step, "swa" their running mean
(stochastic weight averaging: Izmailov et al., 2018, arXiv:1803.05407). "lawa" is the mean of the
weights at the ends of the last epochs (latest weight averaging: Kaddour, 2022, arXiv:2209.14981),
the last quarter of them by default, with the learning rate as without an average. "sema" (switch
EMA: Li et al., 2024, arXiv:2402.09240) is "ema" whose average is put into the weights at the end
of each epoch, from where training goes on. Its horizon is a part of an epoch, since what a switch
takes up lags behind by it; the optimizer's own state is left as it is, as in the authors' code.

The horizon of "ema" is a part of the run, since a decay such as 0.999 means nothing for a run of
500 steps: Karras et al. (2023, arXiv:2312.02696) find the best one to be a part of the training's
length, and Busbridge et al. (2023, arXiv:2307.13813) scale the decay so that it stays one. The
learning rate is annealed as without an average, and moves the weights little at the end: on noisy
digits a horizon of 0.05 gains nothing (two seeds), one of 0.2 two points, one of 0.5 six. The
share of the first weights in the average is exp(-(1 - start) / horizon), 0.7% by default.

"swa" averages the last quarter of the steps, and from there on keeps the learning rate at what it
is by then, since the mean of weights that no longer move is the last weights. One cycle is then at
28% of its peak, a cosine at 15%; the paper keeps 20 to 100% of it.
"""

from typing import Any, cast

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, get_swa_multi_avg_fn

from sssam.lab.specs import Method, Run
from sssam.lab.training.state import Training
from sssam.schedules.base import steps_in


def check(run: Run) -> None:
    """Refuses averages where they can't be kept.

    Raises:
        ValueError: weights in bfloat16, which lose an average's small updates.
    """
    method = run.method
    if method.average != "none" and run.task.precision == "bf16-true":
        raise ValueError(
            f"average of method {method.label!r} is {method.average!r} with precision 'bf16-true', "
            "whose weights lose an average's small updates: take 'bf16-mixed'"
        )


def decay(method: Method, steps: int) -> float:
    """The decay over a run, for "sema" an epoch, of so many steps: its horizon is 1 / (1 - decay).

    >>> decay(Method(label="EMA", kind="base", average="ema"), 500)
    0.99
    """
    return 1 - 1 / max(1.0, method.average_horizon * steps)


def make(run: Run, network: nn.Module, steps: int) -> AveragedModel | None:
    """What the average is gathered in, a copy of the network; None for a method without one."""
    method = run.method
    if method.average == "none":
        return None
    moving, mean = cast("Any", get_ema_multi_avg_fn), cast("Any", get_swa_multi_avg_fn)
    if method.average in ("swa", "lawa"):
        return AveragedModel(network, multi_avg_fn=mean())
    over = steps if method.average == "ema" else steps // run.epochs
    return AveragedModel(network, multi_avg_fn=moving(decay(method, over)))


def update(training: Training) -> None:
    """Takes the weights after a step into the average, once it has begun."""
    kind, ends = training.run.method.average, _ends_epoch(training)
    if training.average is None or not _begun(training) or (kind == "lawa" and not ends):
        return
    training.average.update_parameters(training.network)
    if kind == "sema" and ends:
        _switch(training.network, training.average.module)


@torch.no_grad()
def _switch(network: nn.Module, average: nn.Module) -> None:
    for p, mean in zip(network.parameters(), average.parameters(), strict=True):
        p.copy_(mean)


def holds_rate(training: Training) -> bool:
    """Whether the learning rate stays as it is after this step."""
    return training.run.method.average == "swa" and _begun(training)


def _ends_epoch(training: Training) -> bool:
    steps = training.total_steps // training.run.epochs
    return (training.position.step + 1) % steps == 0


def _begun(training: Training) -> bool:
    start = steps_in(training.run.method.averaged_from, training.total_steps)
    return training.position.step >= start
