"""Loss scaling: what a `GradScaler` multiplies gradients by, and whether it has taken that off."""

from typing import Any

import torch
from torch import Tensor
from torch.amp import GradScaler

from sssam.core.parts import parts
from sssam.methods import Method
from sssam.roles.auto import Auto
from sssam.roles.metric import Unnormalized
from sssam.runtime.bases import Bases


class Scaling:
    """A scaler's part in one step: true gradients for the method, scaled ones for the scaler.

    Args:
        scaler: by which the losses are scaled.
        bases: whose gradients they are.
    """

    def __init__(self, scaler: GradScaler, bases: Bases) -> None:
        self._bases = bases
        params = bases.trainable()[0]
        # Asked of the scaler as a loss would ask it: no host waits for the number.
        one = torch.ones((), device=params[0].device if params else None)
        self._scale: Tensor = scaler.scale(one)

    @classmethod
    def of(cls, scaler: GradScaler | None, bases: Bases) -> "Scaling | None":
        """The scaling by a `GradScaler`; None where the loss is not scaled."""
        if scaler is None:
            return None
        if not isinstance(scaler, GradScaler):
            raise TypeError(f"scaler must be a torch.amp.GradScaler or None, not {scaler!r}")
        return cls(scaler, bases)

    @property
    def inverse(self) -> Tensor:
        """The factor 1 / S that takes the scale off."""
        return self._scale.reciprocal()

    def put_back(self) -> None:
        """Multiply the parameters' gradients by S again, for the scaler to take it off."""
        grads = [p.grad for p in self._bases.trainable()[0] if p.grad is not None]
        for grad in grads:
            grad.mul_(self._scale.to(grad.device))


def require_scaled(scaler: GradScaler | None, optimizer: Any, call: str) -> None:
    """An error if `scaler.unscale_(optimizer)` came before that call on the optimizer.

    That pass would be left scaled: an update some 65,536 times too large, and no error.
    """
    states: Any = getattr(scaler, "_per_optimizer_states", {})
    stage = states[id(optimizer)]["stage"].name if id(optimizer) in states else "READY"
    if stage != "READY":
        raise RuntimeError(
            f"scaler.unscale_(optimizer) was called before {call}: the gradients of one pass would "
            "stay scaled. Unscale and clip after the second backward(), and after conclude() where "
            "it is called, before scaler.step(optimizer)"
        )


def require_unscaled(method: Method) -> None:
    """An error as a `GradScaler` steps, if the method took its scaled gradients for true ones.

    Only there does a scaler show itself that `ascend()` was not given: it asks the optimizer for
    `_step_supports_amp_scaling`.
    """
    if _uses_size(method):
        raise RuntimeError(
            f"{method!r} uses the size of the gradient at w, and took one that is scaled; write "
            "ascend(scaler=scaler), step(closure, scaler=scaler) or passes(batch, scaler=scaler). "
            "The weights are back at w"
        )


def _uses_size(method: Method) -> bool:
    facts, sized = method.facts, [*parts(method, Unnormalized), *parts(method, Auto)]
    return bool(facts.binds_ranks) or facts.decides_late or bool(sized)
