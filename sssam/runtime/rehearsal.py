"""What a base optimizer of another library will keep of a parameter: tried on a tiny one."""

import copy
import inspect
import warnings
from collections import defaultdict
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

PLAIN = (bool, int, float, str, type(None), torch.dtype)


def rehearsed(base: Optimizer) -> tuple[Tensor, dict[str, Any]] | None:
    """A tiny parameter, and the state that the base keeps of it after two steps.

    The steps are those of a stand-in of the base's class with its settings; the base, its hooks,
    torch's global ones and the random generators are left alone.

    Returns:
        None where that can't be tried: the base keeps objects of its own, or its step fails on a
        tiny parameter on the host.
    """
    own = {name: value for name, value in vars(base).items() if name not in _of_torch()}
    if not _is_plain(own):
        return None
    p = nn.Parameter(torch.ones(_shape(base)))
    p.grad = torch.full_like(p, 0.5)
    stand_in: Any = object.__new__(type(base))
    try:
        group = {k: copy.deepcopy(v) for k, v in base.param_groups[0].items() if k != "params"}
        vars(stand_in).update(copy.deepcopy(own) | {"defaults": dict(base.defaults)})
        stand_in.state, stand_in.param_groups = defaultdict(dict), [{**group, "params": [p]}]
        _step_twice(stand_in)
        return p, dict(stand_in.state[p])
    except Exception:  # another's code, in conditions that it was not made for
        return None


@cache
def _of_torch() -> frozenset[str]:
    """What torch puts on every optimizer; around `step` a scheduler puts its own."""
    # Not when this is imported: the first optimizer imports torch's compiler.
    return frozenset({"step", *vars(torch.optim.SGD([torch.zeros(())], lr=0.1))})


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, PLAIN)


def _shape(base: Optimizer) -> tuple[int, ...]:
    dims = [p.ndim for group in base.param_groups for p in group["params"]]
    return (2,) * max(dims, default=1)


def _step_twice(stand_in: Any) -> None:
    step: Any = inspect.unwrap(type(stand_in).step)  # without torch's hooks around it
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), torch.no_grad():
        warnings.simplefilter("ignore")
        for _ in range(2):
            step(stand_in)
