"""Averages of the weights over training, by torch's own `AveragedModel`.

"ema" is the exponential moving average of the weights after each step, "swa" their running mean
(stochastic weight averaging: Izmailov et al., 2018, arXiv:1803.05407).

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

from typing import Any

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
    """The decay of "ema" over a run of so many steps, in [0, 1): its horizon is 1 / (1 - decay).

    >>> decay(Method(label="EMA", kind="base", average="ema"), 500)
    0.99
    """
    return 1 - 1 / max(1.0, method.average_horizon * steps)


def make(method: Method, network: nn.Module, steps: int) -> AveragedModel | None:
    """What the average is gathered in, a copy of the network; None for a method without one."""
    if method.average == "none":
        return None
    rules: dict[str, Any] = {"ema": get_ema_multi_avg_fn, "swa": get_swa_multi_avg_fn}
    given = (decay(method, steps),) if method.average == "ema" else ()
    return AveragedModel(network, multi_avg_fn=rules[method.average](*given))


def update(training: Training) -> None:
    """Takes the weights after a step into the average, once it has begun."""
    if training.average is not None and _begun(training):
        training.average.update_parameters(training.network)


def holds_rate(training: Training) -> bool:
    """Whether the learning rate stays as it is after this step."""
    return training.run.method.average == "swa" and _begun(training)


def _begun(training: Training) -> bool:
    start = steps_in(training.run.method.averaged_from, training.total_steps)
    return training.position.step >= start
