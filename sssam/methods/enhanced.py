"""Updates that go further along flat coordinates (implicit regularisation enhancement)."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from sssam.core.checks import count, number, share
from sssam.core.passes import Passes, Result, Step
from sssam.core.vectors import Vector, dense, kth_smallest, scale, spread, whole
from sssam.methods.base import Method
from sssam.methods.facts import Facts


@dataclass(frozen=True)
class Enhanced(Method):
    """A method, and 1 + kappa times the base optimizer's update along the flat coordinates.

    Those are the part `flat` of all coordinates that had the smallest gradients, in size, at the
    last step that `every` divides: the diagonal of the empirical Fisher matrix, of one batch.

    Args:
        method: whose gradient the base optimizer gets.
        kappa: how much further the update goes, at least 0; 0 is the method.
        flat: that part of the coordinates, in (0, 1].
        every: steps from one choice of the coordinates to the next, at least 1.
        start: the step from which on it acts, at least 0.
        name: under which the choice is kept, as ones and zeros.
    """

    method: Method
    kappa: float
    flat: float = 0.8
    every: int = 10
    start: int = 0
    name: str = "flat"

    def __post_init__(self) -> None:
        object.__setattr__(self, "kappa", number("kappa", self.kappa, 0.0, math.inf))
        object.__setattr__(self, "flat", share("flat", self.flat))
        count("every", self.every, 1)
        count("start", self.start, 0)

    @cached_property
    def facts(self) -> Facts:
        """The method's facts, and one vector kept."""
        inner = self.method.facts
        return replace(inner, plain=False, keeps=inner.keeps | {self.name})

    def acts(self, t: int) -> bool | None:
        """Whether the method acts at step t."""
        return self.method.acts(t)

    def is_plain(self, t: int) -> bool:
        """Whether step t is the base's own: only before the start, where the method's is."""
        return t < self.start and self.method.is_plain(t)

    def cost(self, total_steps: int | None) -> float:
        """The method's cost: the gradient that is read is there."""
        return self.method.cost(total_steps)

    def critical(self, total_steps: int | None) -> float:
        """The method's passes on the critical path."""
        return self.method.critical(total_steps)

    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """The method's passes, with an update that is stretched along the flat directions."""
        update = yield from self.method.passes(step, first)
        if step.t < self.start:
            return update
        flat, kept = step.recall(self.name), update.kept
        if not flat or step.t % self.every == 0:
            flat = self._flat(dense(update.gradient))
            kept = {**kept, self.name: flat}
        return update._replace(stretch=scale(flat, self.kappa), kept=kept)

    @torch.no_grad()
    def _flat(self, g: Vector) -> Vector:
        """One where a coordinate is flat, else zero."""
        sizes = {i: whole(part).abs() for i, part in g.items()}
        if not sizes:
            return {}
        n = sum(size.numel() for size in sizes.values())
        least = kth_smallest(list(sizes.values()), max(1, int(self.flat * n)))
        return {i: self._below(sizes[i], least, part) for i, part in g.items()}

    def _below(self, size: Tensor, least: Tensor, like: Tensor) -> Tensor:
        return spread((size <= least.to(size.device)).to(like.dtype), like)
