"""Steps at w that reuse what a sharpness-aware step left."""

from dataclasses import dataclass

import torch

from sssam.core.passes import Passes, Result, Step, Update
from sssam.core.vectors import add, dense, norm
from sssam.methods.base import Method, at_w


@dataclass(frozen=True)
class Reuse(Method):
    """g + alpha ||g|| v, v kept by an earlier step (LookSAM between its SAM steps)."""

    alpha: float
    name: str = "v"

    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """One pass at w; its gradient is turned towards v."""
        g = (yield from at_w(first)).gradient
        v = step.recall(self.name)
        if not (self.alpha and v):
            return Update(g)
        with torch.no_grad():
            g = dense(g)
            return Update(add(g, v, self.alpha * norm(g), overwrite=True))
