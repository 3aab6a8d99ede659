"""How far the loss rises at each radius while the base trains."""

import math

import pytest
import torch
from tiny import TASK

from sssam.lab.specs import Method, Run
from sssam.lab.training import loop, radius
from sssam.lab.training.radius import RADII, Rises
from sssam.lab.training.train import train

LONG = TASK.model_copy(update={"epochs": 2 * TASK.epochs})
RUN = Run(task=LONG, method=Method(label="base", kind="base"), seed=1000)


def _like(*rises: float) -> Rises:
    return Rises(0.0, (*rises, *([math.inf] * (len(RADII) - len(rises)))))


def test_points_are_measured_along_the_run_and_leave_it_as_it_is() -> None:
    points = radius.rises(RUN)
    assert [point.share for point in points] == sorted(point.share for point in points)
    assert len(points) == len(radius.PLACES)
    for point in points:
        assert len(point.rises) == len(RADII)
        assert 0 < point.rises[0] < point.rises[4] < point.rises[8]
    assert radius.rises(RUN) == points


def test_the_run_is_the_one_that_a_record_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    losses: list[list[float]] = []
    original = loop.step

    def step(training, part):  # type: ignore[no-untyped-def]
        loss = original(training, part)
        losses[-1].append(loss.mean().item())
        return loss

    monkeypatch.setattr(loop, "step", step)
    losses.append([])
    radius.rises(RUN)
    losses.append([])
    train(RUN, test=False)
    assert losses[0] == losses[1]


def test_a_small_rise_is_that_of_the_slope() -> None:
    [point, *_] = radius.rises(RUN)
    assert point.rises[1] / point.rises[0] == pytest.approx(RADII[1] / RADII[0], rel=0.05)


def test_the_radius_is_read_between_two_in_logarithms() -> None:
    quadratic = _like(*(rho**2 for rho in RADII))
    assert radius.radius([quadratic], 0.09) == pytest.approx(0.3)
    assert radius.radius([quadratic], 0.01) == pytest.approx(0.1)


def test_the_least_over_points_is_the_radius() -> None:
    points = [_like(*(slope * rho for rho in RADII)) for slope in (1.0, 4.0, 2.0)]
    assert radius.radius(points, 0.4) == pytest.approx(0.1)


def test_a_rise_that_is_not_reached_gives_no_radius() -> None:
    flat = _like(*([0.0] * len(RADII)))
    assert radius.radius([flat], 0.1) is None
    assert radius.radius([flat, flat, _like(*RADII)], 0.1) == pytest.approx(0.1)
    assert radius.radius([], 0.1) is None


def test_a_loss_that_is_not_finite_counts_as_a_rise() -> None:
    assert radius.radius([_like(-0.1, 0.0, 0.001)], 0.5) == RADII[3]


def test_a_base_that_diverges_is_named() -> None:
    task = LONG.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(FloatingPointError, match="the base optimizer diverges"):
        radius.rises(RUN.model_copy(update={"task": task}))
    assert torch.get_num_threads() >= 1
