"""How far the loss rises along SAM's perturbation, for many radii at several points of a run."""

import math
from collections.abc import Iterator, Sequence
from itertools import chain
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
    """What was measured at one point of a run, when a `share` of it was over, in [0, 1).

    `rises` are L(w + e) - L(w) for each radius of `RADII`, e = rho g / ||g||, loss and gradient of
    one batch, the mean over the batches; infinite where the loss is not finite.
    """

    share: float
    rises: tuple[float, ...]


def rises(run: Run) -> list[Rises]:
    """Trains a run of the base, and measures at the places of `PLACES` how far the loss rises.

    What is measured changes nothing of the training: weights, buffers and generators are put back.

    Raises:
        FloatingPointError: the loss stopped being finite.
    """
    fabric = hardware.fabric("cpu", run.task.precision)
    with alone(1, run.seed, fabric.device):
        return list(_points(prepare(run, fabric)))


def radius(points: Sequence[Rises], rise: float) -> float | None:
    """The radius at which the loss rises by `rise`: the least over the points of the run.

    Between two radii it is read off the straight line in their logarithms. None where the loss
    rises that far nowhere, whatever the radius.
    """
    crossings = (_crossing(point.rises, rise) for point in points)
    return min((at for at in crossings if at is not None), default=None)


def _points(training: Training) -> Iterator[Rises]:
    total = training.total_steps
    starts = [min(int(place * total), max(total - BATCHES, 0)) for place in PLACES]
    wanted = {s + i: s for s in starts for i in range(BATCHES)}
    seen: dict[int, list[list[float]]] = {s: [] for s in starts}
    epochs = (order.batches(training, epoch) for epoch in range(training.run.epochs))
    for t, batch in enumerate(chain.from_iterable(epochs)):
        if (start := wanted.get(t)) is not None:
            seen[start].append(_measured(training, batch))
        loop.step(training, batch)
    for start, measured in seen.items():
        yield Rises(start / total, tuple(map(fmean, zip(*measured, strict=True))))


def _measured(training: Training, batch: order.Batch) -> list[float]:
    """How far the loss of a batch rises at each radius."""
    objective = Objective(Called(training.network), training.loss, [batch], mode="train")
    loss, gradient = objective.gradient()
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss is {loss} at step {training.position.step}: the base optimizer diverges; "
            "lower the learning rate first"
        )
    along, rises = unit(gradient), list[float]()
    for rho in RADII:
        with objective.moved(scale(along, rho)):
            reached = objective.value()
        rises.append(reached - loss if math.isfinite(reached) else math.inf)
    return rises


def _crossing(rises: Sequence[float], rise: float) -> float | None:
    """The first radius at which the rise is reached."""
    before = None
    for rho, here in zip(RADII, rises, strict=True):
        if here >= rise:
            if before is None or before[1] <= 0 or math.isinf(here):
                return rho
            way = math.log(rise / before[1]) / math.log(here / before[1])
            return float(before[0] * (rho / before[0]) ** way)
        before = (rho, here)
    return None
