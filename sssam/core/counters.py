"""What was really run, over a whole training."""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Counters:
    """Steps and passes, counted as they are run.

    Args:
        steps: updates of the base optimizer.
        ascents: how many of them were sharpness-aware.
        forwards, backwards: passes run, in batches: a pass on a quarter of the batch counts 0.25.
            Passes of steps that were given up count too.
        voided: perturbations whose direction was zero or not finite, so that e was 0; on the device
            of the parameters, so that counting never waits for it.
    """

    steps: int = 0
    ascents: int = 0
    forwards: float = 0.0
    backwards: float = 0.0
    voided: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.int64))

    def count_pass(self, fraction: float, backward: bool = True) -> None:
        """Count one pass over that fraction of the batch."""
        self.forwards += fraction
        self.backwards += fraction * backward

    def count_void(self, void: Tensor | bool) -> None:
        """Count a perturbation that came to nothing, if that is so."""
        if isinstance(void, Tensor):
            self.voided = self.voided.to(void.device) + void
        elif void:
            self.voided += 1

    @property
    def propagations(self) -> float:
        """(forwards + 2 backwards) / 3 a step: the paper's count, 1 for the base optimizer."""
        return (self.forwards + 2 * self.backwards) / 3 / max(self.steps, 1)
