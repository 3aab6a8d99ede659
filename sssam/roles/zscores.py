"""A metric over the coordinates whose gradients stand out in their tensors (ZSharp)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sssam.core.checks import number
from sssam.core.passes import Perturbation, Step
from sssam.core.vectors import Vector, either, kth_smallest, norm, spread, whole
from sssam.roles.metric import Metric

_EPS = 1e-8


@dataclass(frozen=True)
class ZScores:
    """A metric over the coordinates with the greatest |z|, z = (d - mean) / (std + 1e-8) (ZSharp).

    Mean and standard deviation are each tensor's own, the threshold is one for all: the percentile
    of all |z|, which is to be exceeded. Where nothing exceeds it, no coordinate is left out. The
    coordinates of a sharded tensor are gathered for it.

    Args:
        metric: measures what is left of the direction.
        percentile: of the coordinates that stay at w, in [0, 100); 95 leaves the top 5%.
    """

    metric: Metric
    percentile: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "percentile", number("percentile", self.percentile, 0.0, 100.0))
        if self.percentile == 100:
            raise ValueError("percentile must be below 100, not 100: no coordinate would be left")

    @torch.no_grad()
    def perturbation(
        self, direction: Vector, step: Step, strength: float, *, overwrite: bool = False
    ) -> Perturbation:
        """e, zero where |z| is not above the threshold."""
        chosen = self._filtered(direction) if direction else direction
        return self.metric.perturbation(chosen, step, strength, overwrite=True)

    def _filtered(self, d: Vector) -> Vector:
        scores = {i: self._score(whole(part)) for i, part in d.items()}
        below = self.percentile / 100 * (sum(score.numel() for score in scores.values()) - 1)
        least = kth_smallest(list(scores.values()), int(below) + 1)
        kept = {i: part * self._above(scores[i], least, part) for i, part in d.items()}
        return either(norm(kept) > 0, kept, d)

    def _score(self, part: Tensor) -> Tensor:
        x = part.float() if part.dtype in (torch.float16, torch.bfloat16) else part
        return ((x - x.mean()) / (x.std(correction=0) + _EPS)).abs()

    def _above(self, score: Tensor, least: Tensor, like: Tensor) -> Tensor:
        return spread((score > least.to(score.device)).to(like.dtype), like)
