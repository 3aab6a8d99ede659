"""rho="auto": a radius that is read off the gradient and the weights at each step. Experimental."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from sssam.core.checks import number, share
from sssam.core.groups import RADIUS
from sssam.core.passes import Perturbation, Step
from sssam.core.vectors import Vector, norm
from sssam.roles.metric import Euclidean, Metric, to_radius

#: A radius, or the rule that finds one.
Rho = float | Literal["auto"]
#: How the norm of a gradient of a part f of the batch is set beside the whole batch's: times f to
#: this power. Independent samples have 1/2; 3/4 did better in studies/auto-rho, at f = 1/8.
PART = 0.75


@dataclass(frozen=True)
class Auto:
    """SAM's ball with a radius for each step: rho = min(sigma / (f^(3/4) ||d||), kappa ||w|| / n).

    sigma is how far the loss may rise to first order, as in LE-SAM; where the gradient is short,
    as on a plateau or where all samples are fitted, the radius stays a part of the weights' norm,
    the smaller the more layers there are: n is the number of weight tensors with two or more axes,
    at least 1. f is the part of the batch that d is the gradient of. A zero or non-finite
    direction gives e = 0. A param group whose own "sssam_rho" is 0 stays at w, and counts in
    neither norm. Nothing is kept from step to step, and no host waits for a device.

    Args:
        rise: sigma, in units of the loss, above 0. Default 0.25.
        reach: kappa, above 0. Default 0.1.
        fraction: f, in (0, 1]. Default 1.

    Raises:
        TypeError, ValueError: an argument outside its range.

    Reference: sigma / ||g|| is from "Fix the Loss, Not the Radius: Rethinking the Adversarial
    Perturbation of Sharpness-Aware Minimization", Wang, Liu, Xie, Gao, 2026, arXiv 2605.10183,
    which bounds rho by a constant and anneals sigma to 0 at the end; the bound by the weights and
    the power of f are ours, and their constants were chosen on the tasks of studies/auto-rho.
    """

    rise: float = 0.25
    reach: float = 0.1
    fraction: float = 1.0

    def __post_init__(self) -> None:
        for name in ("rise", "reach"):
            value = number(name, getattr(self, name), 0.0, math.inf)
            if not value:
                raise ValueError(f"{name} must be above 0, not 0: nothing would ever move")
            object.__setattr__(self, name, value)
        object.__setattr__(self, "fraction", share("ascent_fraction", self.fraction))

    @torch.no_grad()
    def perturbation(
        self, direction: Vector, step: Step, strength: float, *, overwrite: bool = False
    ) -> Perturbation:
        """rho d / ||d||."""
        moving = {i: d for i, d in direction.items() if not _stays(step.groups[i])}
        if direction and not moving:
            return Perturbation({}, still=True)
        weights = {i: step.params[i].detach() for i in moving}
        layers = max(sum(w.ndim > 1 for w in weights.values()), 1)
        per_unit = self._per_unit(norm(moving), norm(weights) / layers)
        return to_radius(moving, lambda s: per_unit * s, strength, overwrite=overwrite)

    def _per_unit(self, length: Tensor, size: Tensor) -> Tensor | float:
        """rho / ||d||; 0 where ||d|| is 0, infinite or NaN."""
        budget = self.rise / self.fraction**PART
        if length.device.type == "cpu":
            d, w = float(length), float(size)
            return min(budget / d, self.reach * w) / d if 0.0 < d < math.inf else 0.0
        return on_device_per_unit(budget, self.reach, length, size)


def on_device_per_unit(budget: float, reach: float, length: Tensor, size: Tensor) -> Tensor:
    """min(budget / d, reach w) / d for an accelerator; what d = 0 or NaN gives is made 0."""
    radius = torch.minimum(budget / length, reach * size.to(length.device))
    return (radius / length).nan_to_num_(0.0, 0.0, 0.0)


def euclidean(rho: Rho, fraction: float = 1.0) -> Metric:
    """The ball of a radius, or the rule for rho="auto" on the part `fraction` of the batch."""
    if rho == "auto":
        return Auto(fraction=fraction)
    return Euclidean(rho)


def _stays(group: dict[str, Any]) -> bool:
    """Whether a param group stays at w, by a radius of its own of 0."""
    own = group.get(RADIUS)
    if own:
        raise ValueError(
            f"a param group has {RADIUS}={own!r}, and rho='auto' finds one radius for all that "
            "move; delete that entry, make it 0 for a group that stays at w, or give a number for "
            "rho"
        )
    return own is not None
