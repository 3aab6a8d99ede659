"""The loss around a solution, along one direction or over the plane of two."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sssam.core.vectors import Vector, add, scale
from sssam.roles.noise import check_seed, normal
from sssam.sharpness.arguments import Criterion
from sssam.sharpness.objective import Mode, Objective

#: From -1 to 1: as far as the filters themselves are long.
COORDINATES = tuple(i / 10 for i in range(-10, 11))


@dataclass(frozen=True)
class Curve:
    """The loss along a direction d, float64 on the CPU.

    Attributes:
        x: coordinates, shape (n,): the weights were at w + x d.
        loss: L there, shape (n,), in the units of the loss; not finite where L is not.
        metric: the mean of the metric there, shape (n,); None if no metric was given.
    """

    x: Tensor
    loss: Tensor
    metric: Tensor | None


@dataclass(frozen=True)
class Surface:
    """The loss over the plane of two directions d1 and d2, float64 on the CPU.

    Attributes:
        x, y: coordinates, shapes (n,) and (m,): the weights were at w + x d1 + y d2.
        loss: L there, shape (m, n), in the units of the loss; row i is at y[i].
        metric: the mean of the metric there, shape (m, n); None if no metric was given.
    """

    x: Tensor
    y: Tensor
    loss: Tensor
    metric: Tensor | None


@torch.no_grad()
def filter_normalized_direction(
    model: nn.Module, seed: int = 0, params: Iterable[Tensor] | None = None
) -> list[Tensor]:
    """A random direction whose filters are as long as the model's own.

    Each filter is normal noise d, scaled to d ||w|| / ||d|| with w the filter's weights. A filter
    is what one index of a tensor's first axis selects: of a convolution an output channel, of a
    linear layer the weights of one unit. As in the authors' code, biases and the scales and shifts
    of normalisation layers stay where they are: their parts, of all tensors of fewer than two
    axes, are 0. From "Visualizing the Loss Landscape of Neural Nets", Li et al., 2018, arXiv
    1712.09913.

    Args:
        model: whose filters are measured.
        seed: of the noise, at least 0 and below 2**63; other seeds, other directions.
        params: those of its parameters that move; default all that need gradients.

    Returns:
        A tensor of the shape of each parameter, in the order of `params`.

    Raises:
        ValueError, TypeError: a seed out of range.
    """
    trained = (p for p in model.parameters() if p.requires_grad)
    chosen: list[Tensor] = list(trained if params is None else params)
    noise = normal(check_seed(seed), 0, chosen)
    return [_normalized(d, p) for d, p in zip(noise, chosen, strict=True)]


def loss_curve(
    model: nn.Module,
    loss: Criterion,
    batches: Iterable[Any],
    direction: Sequence[Tensor] | None = None,
    *,
    x: Sequence[float] = COORDINATES,
    metric: Criterion | None = None,
    seed: int = 0,
    params: Iterable[Tensor] | None = None,
    mode: Mode = "eval",
) -> Curve:
    """L(w + x d) along a direction d; a forward pass over the batches for each coordinate.

    The weights are put back bit for bit, and buffers, gradients, training flags and random
    generators left as found, whatever is raised. Batch norm's running statistics stay those of w
    at all points in mode "eval"; mode "train" takes each batch's own.

    Args:
        model, loss, batches, params, mode: as for `Hessian`.
        direction: a tensor of each parameter's shape, such as one of `Eigenvalues.vectors`; default
            `filter_normalized_direction(model, seed)`.
        x: the coordinates, in lengths of the direction.
        metric: `metric(outputs, targets)`, a mean or one number a sample: the accuracy, say.
        seed: of the default direction.

    Raises:
        TypeError, ValueError: as `Hessian`, a direction of other shapes, or no coordinates.
    """
    objective = Objective(model, loss, batches, params, mode=mode)
    d = _direction(objective, direction, seed)
    points = coordinates("x", x)
    values = [_at(objective, scale(d, at), metric) for at in points.tolist()]
    return Curve(points, *columns(values))


def loss_surface(
    model: nn.Module,
    loss: Criterion,
    batches: Iterable[Any],
    directions: tuple[Sequence[Tensor], Sequence[Tensor]] | None = None,
    *,
    x: Sequence[float] = COORDINATES,
    y: Sequence[float] = COORDINATES,
    metric: Criterion | None = None,
    seed: int = 0,
    params: Iterable[Tensor] | None = None,
    mode: Mode = "eval",
) -> Surface:
    """L(w + x d1 + y d2) over a plane; a forward pass over the batches for each of its points.

    The two random directions are not made orthogonal, as in the paper: of many weights, they
    nearly are. What is left as found, and all arguments, are those of `loss_curve`; the second
    default direction is that of the seed after `seed`.

    Raises:
        TypeError, ValueError: as `loss_curve`.
    """
    objective = Objective(model, loss, batches, params, mode=mode)
    given = (None, None) if directions is None else directions
    d1, d2 = (_direction(objective, d, seed + i) for i, d in enumerate(given))
    across, up = coordinates("x", x), coordinates("y", y)
    points = [(a, b) for b in up.tolist() for a in across.tolist()]
    values = [_at(objective, add(scale(d1, a), scale(d2, b)), metric) for a, b in points]
    shape = (len(up), len(across))
    losses, metrics = columns(values)
    return Surface(
        across, up, losses.reshape(shape), None if metrics is None else metrics.reshape(shape)
    )


def coordinates(name: str, values: Sequence[float]) -> Tensor:
    """Coordinates as a tensor, float64 of shape (n,).

    Raises:
        ValueError: none, or one that is not finite.
    """
    points = torch.as_tensor(values, dtype=torch.float64).cpu()
    if points.ndim != 1 or not len(points) or not points.isfinite().all():
        raise ValueError(f"{name} must be a list of at least one finite number, not {values!r}")
    return points


def columns(values: Sequence[tuple[float, float | None]]) -> tuple[Tensor, Tensor | None]:
    """Losses and metrics, each as a float64 tensor; None for metrics that were not asked for."""
    losses, metrics = zip(*values, strict=True)
    measured = None if None in metrics else torch.tensor(metrics, dtype=torch.float64)
    return torch.tensor(losses, dtype=torch.float64), measured


def _at(objective: Objective, e: Vector, metric: Criterion | None) -> tuple[float, float | None]:
    with objective.moved(e):
        return objective.measured(metric)


def _direction(objective: Objective, given: Sequence[Tensor] | None, seed: int) -> Vector:
    params = objective.params
    if given is None:
        given = filter_normalized_direction(objective.model, seed, params)
    shapes, expected = [tuple(d.shape) for d in given], [tuple(p.shape) for p in params]
    if shapes != expected:
        raise ValueError(f"direction must have the parameters' shapes {expected}, not {shapes}")
    return {i: d.detach().to(p) for i, (d, p) in enumerate(zip(given, params, strict=True))}


def _normalized(d: Tensor, w: Tensor) -> Tensor:
    if w.ndim < 2:
        return torch.zeros_like(d)
    axes = tuple(range(1, w.ndim))
    own, drawn = (torch.linalg.vector_norm(t, dim=axes, keepdim=True) for t in (w, d))
    return torch.where(drawn > 0, d * (own / drawn), 0.0)
