"""Two gradients that do not wait for one another (SAMPa)."""

from dataclasses import dataclass

import torch

from sssam.core.checks import number
from sssam.core.groups import step_length
from sssam.core.passes import Pass, Passes, Step
from sssam.core.vectors import Vector, add, copied, dense, scale
from sssam.methods.base import Method, Opening
from sssam.roles.metric import Metric


@dataclass(frozen=True)
class Parallel(Method):
    """(1 - lam) g(w + e) on the batch before + lam g(y) on this one, y = w - lr h.

    h is the gradient at the y of the step before, on the batch before; e is made from it.

    Args:
        metric: makes e from h; carries rho.
        lam: the weight of the gradient at y, in [0, 1].
        name: under which h is kept.
    """

    metric: Metric
    lam: float
    name: str = "h"

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", number("lam", self.lam, 0.0, 1.0))

    @property
    def opening(self) -> Opening:
        """Away from w, after the first step."""
        return "moved"

    @property
    def shares_first(self) -> bool:
        """No: it runs none at w."""
        return False

    @property
    def needs_batch(self) -> bool:
        """Yes."""
        return True

    @property
    def keeps_batch(self) -> bool:
        """Yes: e belongs to the batch before."""
        return True

    @property
    def keeps(self) -> frozenset[str]:
        """h."""
        return frozenset({self.name})

    @property
    def transient(self) -> int:
        """w, and the gradient at w + e while the one at y is made."""
        return 2

    def cost(self, total_steps: int | None) -> float:
        """2, but for the first step's 1."""
        return 2.0 if total_steps is None else 2.0 - 1.0 / total_steps

    def critical(self, total_steps: int | None) -> float:
        """1: neither gradient needs the other."""
        return 1.0

    def passes(self, step: Step) -> Passes:
        """One each at w + e and y; at w, where the batch before or its h is not at hand."""
        h = step.recall(self.name)
        if not h or not step.has_earlier:
            gradient = dense((yield from step.gradient("plain")))
            step.remember(self.name, copied(gradient))
            return gradient
        with torch.no_grad():
            step.move(self.metric.perturbation(copied(h), step, 1.0, overwrite=True))
        perturbed = dense((yield Pass("descent", earlier=True)))
        with torch.no_grad():
            step.move(self._ahead(h, step))
        del h
        ahead = dense((yield Pass("ascent")))
        step.weights.restore()
        step.remember(self.name, ahead)
        with torch.no_grad():
            # New tensors: what goes to the base optimizer may be clipped in place, h may not.
            return add(scale(perturbed, 1.0 - self.lam), scale(ahead, self.lam))

    def _ahead(self, h: Vector, step: Step) -> Vector:
        return {i: part * -step_length(step.groups[i]) for i, part in h.items()}
