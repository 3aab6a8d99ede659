"""The loss's derivative with respect to a model's outputs: noted in one pass, given in another.

A hook on the model sees its outputs, whichever form the loop has, and a hook on the outputs the
derivative that reaches them. So no loop has to hand it over.
"""

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from sssam.core.passes import Derivative

if TYPE_CHECKING:
    from sssam.runtime.training import TrainingState


class Outputs:
    """Sees the outputs of a model by a hook, which takes the place of an earlier optimizer's.

    Args:
        model: what is trained; its output is a tensor, or has one named `logits`.
        training: whose passes they are.

    Raises:
        ValueError: there is no model.
    """

    def __init__(self, model: object, training: "TrainingState") -> None:
        if not isinstance(model, nn.Module):
            raise ValueError(
                f"model must be the torch.nn.Module that is trained, not {model!r}: this method "
                "takes the loss's derivative with respect to its outputs"
            )
        self.__setstate__({"_model": model, "_training": training})

    def __getstate__(self) -> dict[str, Any]:
        return {"_model": self._model, "_training": self._training}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._model: nn.Module = state["_model"]
        self._training: TrainingState = state["_training"]
        self.clear()
        hooks = self._model._forward_hooks
        for key in [key for key, hook in hooks.items() if isinstance(hook, _Hook)]:
            del hooks[key]
        self._model.register_forward_hook(_Hook(self))

    def see(self, output: Any) -> None:
        """After a forward pass: note the derivative that is to come, or put the noted one there."""
        logits = output if isinstance(output, Tensor) else getattr(output, "logits", None)
        if not isinstance(logits, Tensor):
            raise TypeError(
                "the model's output must be a tensor, or have one named logits, not a "
                f"{type(output).__name__}: this method takes the loss's derivative there"
            )
        if not logits.requires_grad:
            return
        hooked: Any = logits
        wanted = None if self._training.step is None else self._training.step.wanted
        if wanted is not None and wanted.derivative == "given":
            hooked.register_hook(partial(self._give, self._given))
            self._given += 1
        elif wanted is None or wanted.derivative == "noted":
            hooked.register_hook(partial(self._note, len(self._noted)))
            self._noted.append(None)

    def _note(self, i: int, derivative: Tensor) -> None:
        if i < len(self._noted):
            self._noted[i] = derivative.detach().clone()

    def _give(self, i: int, derivative: Tensor) -> Tensor:
        noted = [each for each in self._noted if each is not None]
        if i >= len(noted) or noted[i].shape != derivative.shape:
            shapes = [tuple(each.shape) for each in noted]
            raise RuntimeError(
                f"the pass at w + e has outputs of shape {tuple(derivative.shape)}, and those at w "
                f"had {shapes}: both passes must run the model on the same batches, in one order, "
                "and under torch.no_grad() where the loss leaves its output out"
            )
        return noted[i]

    def require_seen(self, derivative: Derivative) -> None:
        """An error after a pass whose outputs the hook has not seen: it would be plain SAM's.

        Raises:
            RuntimeError: with the remedy.
        """
        if derivative == "noted" and not any(each is not None for each in self._noted):
            raise RuntimeError(UNSEEN)
        if derivative == "given" and not self._given:
            raise RuntimeError(UNSEEN)

    def clear(self) -> None:
        """Forget what was noted."""
        self._noted: list[Tensor | None] = []
        self._given = 0


class _Hook:
    """A forward hook that keeps nothing alive; a copy of the model has one that does nothing."""

    def __init__(self, outputs: Outputs | None = None) -> None:
        self._outputs = None if outputs is None else weakref.ref(outputs)

    def __reduce__(self) -> tuple[type["_Hook"], tuple[()]]:
        return _Hook, ()

    def __call__(self, model: nn.Module, inputs: Any, output: Any) -> None:
        outputs = None if self._outputs is None else self._outputs()
        if outputs is not None:
            outputs.see(output)


UNSEEN = (
    "the loss of a pass did not come from model(...), the call of the module that was given as "
    "model: this method takes the loss's derivative there, and sees no other output. Give the "
    "module that the loop calls, and call it, not its forward() or a part of it"
)
