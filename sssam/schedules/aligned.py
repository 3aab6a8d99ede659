"""A late block that begins where a learning-rate scheduler begins its last anneal."""

import copy
import warnings
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

from sssam.core.checks import count
from sssam.schedules.algebra import Schedule
from sssam.schedules.blocks import late


def learning_rates(scheduler: LRScheduler, total_steps: int) -> list[float]:
    """The first param group's learning rate at each step, by a dry run of a copy.

    The scheduler and its optimizer are left as they are; the copy drives a stand-in without
    parameters of any size.
    """
    stand_in = _stand_in(scheduler.optimizer)
    rehearsal = copy.deepcopy(scheduler, {id(scheduler.optimizer): stand_in})
    rates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the optimizer's steps that torch misses here
        for _ in range(total_steps):
            rates.append(float(stand_in.param_groups[0]["lr"]))
            rehearsal.step()
    return rates


def _stand_in(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    stand_in: Any = torch.optim.SGD([torch.zeros(())], lr=0.1)
    stand_in.defaults = dict(optimizer.defaults)
    stand_in.param_groups = [
        {**{k: copy.copy(v) for k, v in group.items() if k != "params"}, "params": []}
        for group in optimizer.param_groups
    ]
    return stand_in  # type: ignore[no-any-return]


def aligned(scheduler: LRScheduler, total_steps: int) -> Schedule:
    """`late(f)` that begins right after the last step at the greatest learning rate.

    For a constant rate and then a decay, that is where the decay starts; for a warm-up and a
    cosine, the end of the warm-up; for restarts, the last restart.

    Args:
        scheduler: any of torch's that is stepped once an optimizer step, before its first step;
            not ReduceLROnPlateau, which waits for a metric.
        total_steps: of the whole run, at least 1.

    Raises:
        TypeError: another kind of scheduler.
        ValueError: a learning rate that does not fall after its greatest value.

    >>> base = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    >>> decay = torch.optim.lr_scheduler.LambdaLR(base, lambda t: min(1.0, (100 - t) / 30))
    >>> aligned(decay, 100)
    late(0.29)
    """
    known = isinstance(scheduler, LRScheduler)
    if not known or isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise TypeError(
            "scheduler must be a torch LRScheduler whose course is known beforehand, not "
            f"{type(scheduler).__name__}"
        )
    rates = learning_rates(scheduler, count("total_steps", total_steps, 1))
    last = max(t for t, rate in enumerate(rates) if rate == max(rates))
    if last == total_steps - 1:
        raise ValueError(
            f"scheduler does not fall below its greatest learning rate, {rates[last]:g}, within "
            f"{total_steps} steps; is it stepped once an epoch? Then give total_steps in epochs, "
            "since late(f) is a share of the run"
        )
    return late((total_steps - 1 - last) / total_steps)
