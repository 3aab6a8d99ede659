"""Steps at w that reuse what a sharpness-aware step left."""

from dataclasses import dataclass

import torch

from sssam.core.passes import Passes, Step
from sssam.core.vectors import add, norm, scale
from sssam.methods.base import Method


@dataclass(frozen=True)
class Reuse(Method):
    """g + alpha ||g|| v, v kept by an earlier step (LookSAM between its SAM steps)."""

    alpha: float
    name: str = "v"

    @property
    def keeps(self) -> frozenset[str]:
        """v."""
        return frozenset({self.name})

    @property
    def transient(self) -> int:
        """None."""
        return 0

    def acts(self, t: int) -> bool:
        """Never: it stays at w."""
        return False

    def is_plain(self, t: int) -> bool:
        """Only where alpha is 0."""
        return self.alpha == 0

    def cost(self, total_steps: int | None) -> float:
        """1."""
        return 1.0

    def passes(self, step: Step) -> Passes:
        """One pass at w; its gradient is turned towards v."""
        yield from step.gradient("plain")
        v = step.recall(self.name)
        with torch.no_grad():
            return add(step.first, scale(v, self.alpha * norm(step.first))) if v else step.first
