"""Metric: how far does the perturbation go, and how is that measured?"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch

from sssam.core.checks import number
from sssam.core.groups import RADIUS
from sssam.core.passes import Perturbation, Step
from sssam.core.vectors import Vector, each, norm, ratio, shrink, times


class Metric(Protocol):
    """Turns a direction into a perturbation."""

    def perturbation(
        self, direction: Vector, step: Step, strength: float, *, overwrite: bool = False
    ) -> Perturbation:
        """The perturbation along this direction, its radius multiplied by `strength`.

        A negative strength is the opposite direction. With `overwrite`, e may take the direction's
        memory, which spares a copy of the parameters.
        """
        ...


def check_rho(rho: float) -> float:
    """rho as a float; an error unless it is finite and not negative."""
    return number("rho", rho, 0.0, math.inf, remedy="0 is the base optimizer, 0.05 a usual start")


def to_radius(
    x: Vector,
    per_unit: Callable[[float], torch.Tensor | float],
    rho: float | dict[int, float],
    *,
    overwrite: bool,
) -> Perturbation:
    # rho x / length. With radii of their own, the groups share the length and differ in rho.
    common = rho if isinstance(rho, float) else 1.0
    factor = per_unit(common)
    still = factor == 0
    if isinstance(factor, torch.Tensor):  # the host does not know it: e is made on the device
        x, factor = shrink(x, factor, overwrite=overwrite), 1.0
        overwrite = True
    e = {**x} if factor else {}
    if e and not isinstance(rho, float):
        op = torch._foreach_mul_ if overwrite else torch._foreach_mul
        scaled = each(op, list(e.values()), [rho[i] for i in e])
        e = dict(zip(e, scaled, strict=True))
    return Perturbation(e, still if common else False, still, factor)


def _by_length(x: Vector) -> Callable[[float], torch.Tensor | float]:
    return partial(ratio, denominator=norm(x))


def _if_finite(x: Vector) -> Callable[[float], torch.Tensor | float]:
    length = norm(x)
    if length.device.type == "cpu":
        return lambda rho: rho if 0.0 < float(length) < math.inf else 0.0
    return partial(on_device_if_finite, length=length)


def on_device_if_finite(rho: float, length: torch.Tensor) -> torch.Tensor:
    """rho where the length is finite and not 0, else 0, on its device and in its type."""
    sound = torch.isfinite(length) & (length > 0)
    return torch.where(sound, torch.full_like(length, rho), 0.0)


def _radii(step: Step, rho: float, key: str, strength: float) -> float | dict[int, float]:
    radii = step.radii(rho, key)
    if isinstance(radii, dict):
        return {i: check_rho(radius) * strength for i, radius in radii.items()}
    return check_rho(radii) * strength


@dataclass(frozen=True)
class Euclidean:
    """SAM's ball: e = rho d / ||d||_2, the norm over all parameters together.

    A zero or non-finite direction gives e = 0, decided on the device.

    Args:
        rho: the radius, in units of the weights' Euclidean norm; at least 0. A param group with
            an entry named `key` has its own rho: the norm stays common, the radius differs.
        key: the name of that entry.
    """

    rho: float
    key: str = RADIUS

    def __post_init__(self) -> None:
        object.__setattr__(self, "rho", check_rho(self.rho))

    def perturbation(
        self, direction: Vector, step: Step, strength: float, *, overwrite: bool = False
    ) -> Perturbation:
        """rho d / ||d||."""
        radii = _radii(step, self.rho, self.key, strength)
        return to_radius(direction, _by_length(direction), radii, overwrite=overwrite)


@dataclass(frozen=True)
class Adaptive:
    """ASAM's ellipsoid: e = rho T^2 d / ||T d||_2 with T = |w| + eta, element by element.

    From "ASAM: Adaptive Sharpness-Aware Minimization", Kwon et al., arXiv 2102.11600. The paper's
    T is used on all parameters; its authors' code takes T = 1 outside weight tensors.

    Args:
        rho: the radius in the metric of T; at least 0. ASAM's are about ten times SAM's.
        eta: added to |w|, so that zero weights can move; at least 0.
        key: the name of a param group's own rho.
    """

    rho: float
    eta: float = 0.01
    key: str = RADIUS

    def __post_init__(self) -> None:
        object.__setattr__(self, "rho", check_rho(self.rho))
        object.__setattr__(self, "eta", number("eta", self.eta, 0.0, math.inf))

    @torch.no_grad()
    def perturbation(
        self, direction: Vector, step: Step, strength: float, *, overwrite: bool = False
    ) -> Perturbation:
        """The perturbation e = rho T^2 d / ||T d||."""
        t = self._sizes({i: step.params[i].detach() for i in direction})
        stretched = times(direction, t, overwrite=overwrite)
        radii = _radii(step, self.rho, self.key, strength)
        by_length = _by_length(stretched)
        return to_radius(times(stretched, t, overwrite=True), by_length, radii, overwrite=True)

    def _sizes(self, w: Vector) -> Vector:
        """The scales T, |w| + eta."""
        if not w:
            return {}
        sizes = each(torch._foreach_abs, list(w.values()))
        if self.eta:
            each(torch._foreach_add_, sizes, self.eta)
        return dict(zip(w, sizes, strict=True))


@dataclass(frozen=True)
class Unnormalized:
    """e = rho d, however long d is; a zero or non-finite direction gives e = 0.

    Args:
        rho: the factor, in units of weight per unit of gradient; at least 0.
        key: the name of a param group's own rho.
    """

    rho: float
    key: str = RADIUS

    def __post_init__(self) -> None:
        object.__setattr__(self, "rho", check_rho(self.rho))

    def perturbation(
        self, direction: Vector, step: Step, strength: float, *, overwrite: bool = False
    ) -> Perturbation:
        """The perturbation e = rho d."""
        radii = _radii(step, self.rho, self.key, strength)
        return to_radius(direction, _if_finite(direction), radii, overwrite=overwrite)
