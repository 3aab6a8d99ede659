"""Gradients taken off the parameters for a method, and put where the base optimizer looks."""

from operator import attrgetter
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle
from torch.utils.weak import TensorWeakRef

from sssam.core.passes import Step
from sssam.core.vectors import Vector
from sssam.runtime.layout import same


def take(step: Step, places: Vector, keeps: bool = True) -> Vector:
    """The gradients of what is minimised, in the memory in which a pass has left them.

    Those of a group that is maximised change their sign, so that methods always minimise. A
    gradient that shares its memory with others (views of one flat tensor, that is clipped or
    reduced as a whole) is copied: it is to stay in its place, which `places` notes. This, `leave`
    and `put` are called where no gradients are recorded.

    Args:
        step: whose parameters they are of.
        places: filled with the gradients that stay where they are.
        keeps: whether any stay; not where DDP puts them into its buckets itself.
    """
    taken = {i: g for i, g in enumerate(map(_GRADIENT, step.params)) if g is not None}
    shared = _shared(taken) if keeps else set()
    for i in shared | (places.keys() & taken.keys()):
        places[i] = taken[i]
        taken[i] = taken[i].clone()
    for i in _maximized(step) & taken.keys():
        taken[i] = taken[i].neg_()
    return taken


def leave(params: list[Tensor], places: Vector) -> None:
    """Leave the parameters clear for the next pass, once their gradients were taken."""
    for p in params if not places else [p for i, p in enumerate(params) if i not in places]:
        p.grad = None
    for gradient in places.values():
        gradient.zero_()


def put(gradient: Vector, step: Step, places: Vector) -> None:
    """Give the base optimizer its gradient, in the places that `take` noted."""
    for i in _maximized(step) & gradient.keys():
        gradient[i] = -gradient[i]
    standing = [g for g in map(_GRADIENT, step.params) if g is not None]
    if not places and same(standing, [*gradient.values()]):
        return
    for i, p in enumerate(step.params):
        part = gradient.get(i)
        if i not in places:
            if p.grad is not part:
                p.grad = part
            continue
        p.grad = places[i]
        if part is None:
            places[i].zero_()
        elif part.data_ptr() != places[i].data_ptr():
            places[i].copy_(part)


def fill(gradient: Vector, had: set[int], params: list[Tensor]) -> None:
    """Zeros for parameters that an earlier pass of the step had gradients of, and the last has not.

    As they stand after `zero_grad(set_to_none=False)`, where the base optimizer goes on with
    momentum and weight decay.
    """
    for i in had - gradient.keys():
        gradient[i] = torch.zeros_like(params[i])


def refuse_more(params: list[Tensor]) -> RemovableHandle | None:
    """An error in a backward pass that runs before the handle is removed."""
    for p in params:
        if p.grad is not None and p.requires_grad and p.is_leaf:
            hooked: Any = p
            handle: RemovableHandle = hooked.register_post_accumulate_grad_hook(_refuse)
            return handle
    return None


def _refuse(p: Tensor) -> None:
    raise RuntimeError(
        "backward() was run after ascend() had returned False, and before step(): a plain step "
        "has one pass, and the gradient of a second would be added to it. Write `if "
        "optimizer.ascend(): criterion(model(x), y).backward()`; what belongs to both kinds of "
        "step comes before ascend(), and a step is skipped by optimizer.zero_grad()"
    )


def clear(params: list[Tensor], keeps: bool = True, zeros: bool = False) -> None:
    """No gradients, before a pass; those that share their memory stay in their places as zeros.

    Args:
        params: whose gradients they are.
        keeps: whether any stay.
        zeros: whether all of them stay.
    """
    taken = {i: g for i, g in enumerate(map(_GRADIENT, params)) if g is not None}
    shared = _shared(taken) if keeps else set()
    for i, gradient in taken.items():
        if zeros or i in shared:
            gradient.detach().zero_()
        else:
            params[i].grad = None


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


_GRADIENT = attrgetter("grad")


def _maximized(step: Step) -> set[int]:
    """The positions of the parameters whose group is maximised."""
    for group in step.distinct_groups:
        if group.get("maximize"):
            return {i for i, own in enumerate(step.groups) if own.get("maximize")}
    return set()


def _shared(gradients: Vector) -> set[int]:
    """The positions of the gradients whose memory holds more than they do."""
    parts = [*gradients.values()]
    # Pieces of a whole are views of it, or begin behind its start: sooner looked at than storages.
    are_pieces = any(map(Tensor._is_view, parts)) or any(map(Tensor.storage_offset, parts))
    if len(parts) > 1 and not are_pieces:
        return set()
    return {i for i, gradient in gradients.items() if _is_shared(gradient)}


def _is_shared(gradient: Tensor) -> bool:
    # A shard's lies in what its ranks' reduction returned, which is nobody's to keep.
    if type(gradient) is not Tensor and hasattr(gradient, "to_local"):
        return False
    if gradient.layout is not torch.strided or gradient.is_meta:
        return False
    return gradient.untyped_storage().nbytes() > gradient.numel() * gradient.element_size()
