"""A loop that calls the base optimizer's own `step()` amid a step of its wrapper's: an error.

The update would leave the method out, and, where the weights stand at w + e, begin there.
"""

import weakref
from typing import Any

import torch
from torch.optim import Optimizer

from sssam.runtime.training import TrainingState

#: The training that wrapped an optimizer last: an earlier one may have been left in a notebook.
_trainings: "weakref.WeakKeyDictionary[Optimizer, weakref.ref[TrainingState]]" = (
    weakref.WeakKeyDictionary()
)


def watch(training: TrainingState) -> None:
    """Look at each step of the bases from now on; in vain where one keeps no hooks."""
    for base in training.bases.all:
        _trainings[base] = weakref.ref(training)
        hooks = getattr(base, "_optimizer_step_pre_hooks", None)
        if hooks is not None and refuse not in hooks.values():
            base.register_step_pre_hook(refuse)


def refuse(base: Optimizer, *arguments: Any) -> None:
    """Before each step of a base.

    Raises:
        RuntimeError: its wrapper is amid a step, and this is not the update that ends it.
    """
    if torch.compiler.is_compiling():
        return
    owner = _trainings.get(base)
    training = None if owner is None else owner()
    if training is None or training.stage in ("idle", "updating") or training.bases.initialises():
        return
    training.give_up()
    name = type(base).__name__
    raise RuntimeError(
        f"step() of the wrapped {name} was called amid a step of the optimizer around it, which "
        "would leave the sharpness-aware part out; call step() of that one instead, or with a "
        "GradScaler scaler.step() of it. To go on without it, call its restore() first. The "
        "weights are back at w"
    )
