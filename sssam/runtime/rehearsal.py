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

#: What torch puts on an optimizer, beside what each has.
OWN = {"step"}  # around it a scheduler puts its own
PLAIN = (bool, int, float, str, type(None), torch.dtype)


def rehearsed(base: Optimizer) -> tuple[Tensor, dict[str, Any]] | None:
    """A tiny parameter, and the state that the base keeps of it after two steps.

    The steps are those of a stand-in of the base's class with its settings; the base, its hooks,
    torch's global ones and the random generators are left alone.

    Returns:
        None where that can't be tried: the base keeps objects of its own, or its step fails on a
        tiny parameter on the host.
    """
    own = {name: value for name, value in vars(base).items() if not _is_torch_s(name)}
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


def _is_torch_s(name: str) -> bool:
    return name in OWN or name in _of_any()


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


@cache
def _of_any() -> frozenset[str]:
    # Not at import: the first optimizer that is built loads torch's compiler, for a second.
    return frozenset(vars(torch.optim.SGD([torch.zeros(())], lr=0.1)))
