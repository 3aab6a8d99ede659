"""Gradients taken off the parameters for a method, and put where the base optimizer looks."""

from typing import Any, NamedTuple, Self

import torch
from torch import Tensor
from torch.utils.weak import TensorWeakRef

from sssam.core.vectors import Vector

Groups = list[dict[str, Any]]


@torch.no_grad()
def take(params: list[Tensor], groups: Groups, places: Vector, keeps: bool = True) -> Vector:
    """The gradients of what is minimised; the parameters are left clear for the next pass.

    Those of a group that is maximised change their sign, so that methods always minimise. A
    gradient that shares its memory with others (views of one flat tensor, that is clipped or
    reduced as a whole) is copied and stays in its place, which `places` notes and `put` fills.

    Args:
        params: the parameters that need gradients.
        groups: the param group of each.
        places: filled with the gradients that stay where they are.
        keeps: whether any stay; not where DDP puts them into its buckets itself.
    """
    taken: Vector = {}
    for i, p in enumerate(params):
        gradient = p.grad
        if gradient is None:
            continue
        if i in places or (keeps and _is_shared(gradient)):
            places[i] = gradient
            taken[i] = gradient.clone()
            gradient.zero_()
        else:
            taken[i] = gradient
            p.grad = None
        if groups[i].get("maximize"):
            taken[i] = -taken[i]
    return taken


@torch.no_grad()
def put(gradient: Vector, params: list[Tensor], groups: Groups, places: Vector) -> None:
    """Give the base optimizer its gradient, in the places that `take` noted."""
    for i, p in enumerate(params):
        part = gradient.get(i)
        if part is not None and groups[i].get("maximize"):
            part = -part
        if i not in places:
            p.grad = part
            continue
        p.grad = places[i]
        if part is None:
            places[i].zero_()
        elif part.data_ptr() != places[i].data_ptr():
            places[i].copy_(part)


def clear(params: list[Tensor], keeps: bool = True) -> None:
    """No gradients, before a pass; those that share their memory stay in their places as zeros."""
    for p in params:
        if keeps and p.grad is not None and _is_shared(p.grad):
            p.grad.detach().zero_()
        else:
            p.grad = None


def require_plain_gradients(params: list[Tensor]) -> None:
    """An error where the gradient that counts is kept beside `.grad`.

    Raises:
        RuntimeError: naming the attribute, and the remedy.
    """
    for p in params:
        for name, owner in BESIDE.items():
            if getattr(p, name, None) is not None:
                raise RuntimeError(
                    f"a parameter of shape {tuple(p.shape)} has its gradient in .{name} ({owner}), "
                    "beside .grad: passes would add up there unseen; train without it"
                )


#: Where else gradients are kept, and by whom.
BESIDE = {
    "grad_sample": "each sample's, of Opacus",
    "main_grad": "Megatron's main gradient",
}


class Left(NamedTuple):
    """A gradient that a step left, as it then was: tells it from that of another backward pass."""

    tensor: TensorWeakRef
    version: int

    @classmethod
    def of(cls, gradient: Tensor | None) -> Self | None:
        """None if there is none."""
        return None if gradient is None else cls(TensorWeakRef(gradient), gradient._version)

    def is_still(self, gradient: Tensor) -> bool:
        """Whether this is the same one, and nothing was added to it."""
        return gradient is self.tensor() and gradient._version == self.version


def _is_shared(gradient: Tensor) -> bool:
    # A shard's lies in what its ranks' reduction returned, which is nobody's to keep.
    if hasattr(gradient, "to_local") or gradient.layout is not torch.strided:
        return False
    if gradient.device.type == "meta":
        return False
    return gradient.untyped_storage().nbytes() > gradient.numel() * gradient.element_size()
