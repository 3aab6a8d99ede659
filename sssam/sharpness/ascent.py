"""How far the loss rises within a radius of a solution: at worst, and on average."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from torch import Tensor, nn

from sssam.core.checks import count
from sssam.core.vectors import Vector, add, norm, scale, unit
from sssam.roles.metric import check_rho
from sssam.sharpness.arguments import Criterion
from sssam.sharpness.geometry import Geometry, on_sphere
from sssam.sharpness.objective import Mode, Objective, require_finite


@dataclass(frozen=True)
class WorstCase:
    """The largest rise of the loss that ascent found within rho; a lower bound of the true one.

    Attributes:
        rho: the radius.
        loss: L(w).
        rise: the largest L(w + e) - L(w) seen, in units of the loss; at least 0, as e = 0 counts.
        one_step: L(w + e) - L(w) at SAM's own e, which may be negative.
        steps, restarts: how it was searched.
    """

    rho: float
    loss: float
    rise: float
    one_step: float
    steps: int
    restarts: int


@dataclass(frozen=True)
class AverageCase:
    """The mean rise of the loss over random directions at distance rho.

    Attributes:
        rho: the radius.
        loss: L(w).
        rise: the mean of L(w + e) - L(w), in units of the loss.
        error: its standard error.
        draws: over how many directions, each taken both ways.
    """

    rho: float
    loss: float
    rise: float
    error: float
    draws: int


def worst_case_rise(
    model: nn.Module,
    loss: Criterion,
    batches: Iterable[Any],
    rho: float,
    *,
    steps: int = 1,
    restarts: int = 0,
    seed: int = 0,
    adaptive: bool = False,
    eta: float = 0.01,
    params: Iterable[Tensor] | None = None,
    mode: Mode = "eval",
) -> WorstCase:
    """max over ||e|| <= rho of L(w + e) - L(w), from below, by ascent over all batches.

    The first step is SAM's (Foret et al., arXiv 2010.01412), e = rho g / ||g||, or ASAM's where
    `adaptive`; each further one goes rho / 2 along the normalised gradient at w + e and back onto
    the ball, and so may step over a narrow peak. The highest point seen counts, so more steps never
    give less. A random start goes rho in a random direction first.

    The weights are put back bit for bit, and buffers, gradients, training flags and random
    generators left as found, whatever is raised.

    Args:
        model, loss, batches, params, mode: as for `Hessian`.
        rho: the radius, in units of the weights' Euclidean norm over all `params` together; where
            `adaptive`, in ASAM's metric ||T^-1 e||, T = |w| + eta. At least 0.
        steps: at least 1; each costs a forward and a backward pass over the batches.
        restarts: further ascents, from random points at distance rho; at least 0. Where the
            gradient at w is 0, they alone leave w.
        seed: of those points.
        adaptive, eta: ASAM's metric (Kwon et al., arXiv 2102.11600).

    Returns:
        The rise; infinite where the loss within rho is not finite.

    Raises:
        TypeError, ValueError: as `Hessian`, or an argument out of range.
        FloatingPointError: L(w) is not finite.
    """
    objective = Objective(model, loss, batches, params, mode=mode)
    rho, steps = check_rho(rho), count("steps", steps, 1)
    restarts = count("restarts", restarts, 0)
    geometry = Geometry.at(objective.params, adaptive, eta)
    start, gradient = objective.gradient()
    starts = [unit(geometry.stretched(gradient))]
    starts += [on_sphere(seed, i, objective.params) for i in range(restarts)]
    climbs = [_climb(objective, geometry, scale(d, rho), rho, steps) for d in starts]
    rises = [_rise(reached, require_finite(start)) for climb in climbs for reached in climb]
    return WorstCase(rho, start, max(0.0, *rises), rises[0], steps, restarts)


def average_case_rise(
    model: nn.Module,
    loss: Criterion,
    batches: Iterable[Any],
    rho: float,
    *,
    draws: int = 20,
    seed: int = 0,
    adaptive: bool = False,
    eta: float = 0.01,
    params: Iterable[Tensor] | None = None,
    mode: Mode = "eval",
) -> AverageCase:
    """The mean of L(w + e) - L(w) over e uniform on the sphere of radius rho.

    e = rho z / ||z|| with z normal, or rho T z / ||z|| where `adaptive`; each direction is taken
    both ways, for then the slope cancels, and what is left is curvature. Of a smooth loss it is, to
    second order, rho^2 tr H / (2 n) for n weights, so it says little of single sharp directions;
    the kinks of rectifiers add to it.
    What is left as found: as for `worst_case_rise`.

    Args:
        model, loss, batches, params, mode: as for `Hessian`.
        rho, adaptive, eta: as for `worst_case_rise`.
        draws: how many directions, at least 2; each costs two forward passes over the batches.
        seed: of the directions, which are a pure function of (seed, draw).

    Raises:
        TypeError, ValueError: as `Hessian`, or an argument out of range.
        FloatingPointError: L(w) is not finite.
    """
    objective = Objective(model, loss, batches, params, mode=mode)
    rho, remedy = check_rho(rho), "one draw has no standard error"
    draws = count("draws", draws, 2, remedy=remedy)
    geometry = Geometry.at(objective.params, adaptive, eta)
    start = require_finite(objective.value())
    directions = (on_sphere(seed, i, objective.params) for i in range(draws))
    rises = [_both_ways(objective, geometry, scale(d, rho), start) for d in directions]
    finite = all(map(math.isfinite, rises))
    error = stdev(rises) / math.sqrt(draws) if finite else math.inf
    return AverageCase(rho, start, fmean(rises), error, draws)


def _both_ways(objective: Objective, geometry: Geometry, u: Vector, start: float) -> float:
    """The mean rise at w + T u and w - T u."""
    rises = []
    for way in (u, scale(u, -1.0)):
        with objective.moved(geometry.stretched(way)):
            rises.append(_rise(objective.value(), start))
    return fmean(rises)


def _climb(
    objective: Objective, geometry: Geometry, u: Vector, rho: float, steps: int
) -> list[float]:
    """The losses at `steps` points of the ball, the first of them w + T u."""
    reached = []
    for _ in range(steps - 1):
        with objective.moved(geometry.stretched(u)):
            loss, gradient = objective.gradient()
        reached.append(loss)
        ahead = scale(unit(geometry.stretched(gradient)), rho / 2)
        u = _onto_ball(add(u, ahead), rho)
    with objective.moved(geometry.stretched(u)):
        reached.append(objective.value())
    return reached


def _onto_ball(u: Vector, rho: float) -> Vector:
    length = norm(u).item()
    return scale(u, rho / length) if length > rho else u


def _rise(reached: float, start: float) -> float:
    return reached - start if math.isfinite(reached) else math.inf
