"""How far the loss rises along SAM's perturbation, for many radii at several points of a run."""

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

from sssam.core.vectors import scale, unit
from sssam.lab.specs import Run
from sssam.lab.training import hardware, loop, order
from sssam.lab.training.prepare import prepare
from sssam.lab.training.state import Training
from sssam.lab.training.train import alone
from sssam.lab.training.weights import Called
from sssam.sharpness.objective import Objective

#: The radii that are tried: 1, 2 and 5 times each power of ten.
RADII = (*(d * 10.0**k for k in range(-3, 1) for d in (1, 2, 5)), 10.0)
#: Where in a run it is measured, and over how many batches, one a step.
PLACES, BATCHES = (0.05, 0.25, 0.5, 0.75, 0.95), 4


class Rises(NamedTuple):
    """What was measured at one point of a run.

    Args:
        step: of its first batch.
        share: of the run that was over then, in [0, 1).
        loss: the training loss of its batches.
        rises: L(w + e) - L(w) for each radius of `RADII`, e = rho g / ||g||, loss and gradient of
            one batch, the mean over the batches; infinite where the loss is not finite.
    """

    step: int
    share: float
    loss: float
    rises: tuple[float, ...]


def rises(run: Run, on_point: Callable[[Rises], object] | None = None) -> list[Rises]:
    """Trains a run, and measures at the places of `PLACES` how far the loss rises.

    What is measured changes nothing of the training: weights, buffers and generators are put back.

    Args:
        run: a run of the base optimizer; its seed should be none that a comparison uses.
        on_point: is called with each point once it is measured.

    Raises:
        ValueError, FileNotFoundError: as `sssam.lab.training.train.train`.
        FloatingPointError: the loss stopped being finite.
        Exception: whatever a user's own task raises.
    """
    fabric = hardware.fabric("cpu", run.task.precision)
    with alone(1, run.seed, fabric.device):
        training = prepare(run, fabric)
        return list(_points(training, on_point))


def radius(points: Sequence[Rises], rise: float) -> float | None:
    """The radius at which the loss rises by `rise`: the least over the points of the run.

    Between two radii it is read off the straight line in their logarithms. None where the loss
    rises that far nowhere, whatever the radius.
    """
    found = (_crossing(point.rises, rise) for point in points)
    return min((at for at in found if at is not None), default=None)


def _points(training: Training, on_point: Callable[[Rises], object] | None) -> Iterator[Rises]:
    total = training.total_steps
    starts = [min(int(place * total), max(total - BATCHES, 0)) for place in PLACES]
    wanted = {s + i: s for s in starts for i in range(BATCHES)}
    seen: dict[int, list[tuple[float, list[float]]]] = {}
    for t, batch in enumerate(_batches(training)):
        if (start := wanted.get(t)) is not None:
            seen.setdefault(start, []).append(_measured(training, batch))
            if wanted.get(t + 1) != start:
                point = _mean(start, total, seen[start])
                if on_point is not None:
                    on_point(point)
                yield point
        loop.step(training, batch)


def _batches(training: Training) -> Iterator[order.Batch]:
    for epoch in range(training.run.epochs):
        yield from order.batches(training, epoch)
        training.position.epoch += 1


def _measured(training: Training, batch: order.Batch) -> tuple[float, list[float]]:
    """The loss of a batch, and its rise at each radius."""
    objective = Objective(Called(training.network), training.loss, [batch], mode="train")
    loss, gradient = objective.gradient()
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss is {loss} at step {training.position.step}: the base optimizer diverges; "
            "lower the learning rate first"
        )
    along, found = unit(gradient), list[float]()
    for rho in RADII:
        with objective.moved(scale(along, rho)):
            reached = objective.value()
        found.append(reached - loss if math.isfinite(reached) else math.inf)
    return loss, found


def _mean(start: int, total: int, seen: list[tuple[float, list[float]]]) -> Rises:
    columns = zip(*(found for _, found in seen), strict=True)
    mean = tuple(map(fmean, columns))
    return Rises(start, start / total, fmean(loss for loss, _ in seen), mean)


def _crossing(found: Sequence[float], rise: float) -> float | None:
    """The first radius at which the rise is reached."""
    before = None
    for rho, here in zip(RADII, found, strict=True):
        if here >= rise:
            if before is None or before[1] <= 0 or math.isinf(here):
                return rho
            way = math.log(rise / before[1]) / math.log(here / before[1])
            return float(before[0] * (rho / before[0]) ** way)
        before = (rho, here)
    return None
