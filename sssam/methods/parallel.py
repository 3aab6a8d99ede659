"""Two gradients that do not wait for one another (SAMPa)."""

from dataclasses import dataclass

import torch

from sssam.core.checks import number
from sssam.core.groups import base_step
from sssam.core.passes import Pass, Passes, Result, Step, Update
from sssam.core.vectors import add, copied, dense, scale_
from sssam.methods.base import Method, at_w
from sssam.roles.metric import Metric


@dataclass(frozen=True)
class Parallel(Method):
    """(1 - lam) g(w + e) on the batch before + lam g(y) on this one, y = w - lr h.

    h is the gradient at the y of the step before, on the batch before; e is made from it. Where
    the batch before or its h is not at hand, the step is the base optimizer's.

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

    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """One each at w + e and y."""
        h = step.recall(self.name)
        if not h or not step.has_earlier:
            gradient = dense((yield from at_w(first)).gradient)
            return Update(gradient, kept={self.name: copied(gradient)})
        with torch.no_grad():
            move = self.metric.perturbation({**h}, step, 1.0)
        perturbed = dense((yield Pass("descent", move=move, earlier=True)).gradient)
        with torch.no_grad():
            move = base_step(h, step.groups)
        del h
        ahead = dense((yield Pass("ascent", move=move)).gradient)
        with torch.no_grad():
            # Not in h's memory: what goes to the base optimizer may be clipped in place, h may not.
            mixed = add(scale_(perturbed, 1.0 - self.lam), ahead, self.lam, overwrite=True)
        return Update(mixed, kept={self.name: ahead})
