"""What roles return: a perturbation's verdict, chosen samples, a decision's numbers."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from sssam.core.passes import Perturbation, Step
from sssam.roles import (
    Adaptive,
    Corrected,
    Euclidean,
    Friendly,
    Gap,
    Hardest,
    Metric,
    Only,
    Rising,
    Stale,
    Threshold,
    Unnormalized,
    Weighted,
)


def _step(**more: Any) -> Step:
    params = [torch.tensor([3.0, 4.0]), torch.tensor([0.0])]
    settings: dict[str, Any] = {"memory": {}, "numbers": {}, "base_state": lambda p: {}}
    return Step(0, params, [{"lr": 0.1}, {"lr": 0.1}], **(settings | more))


METRICS: list[Metric] = [Euclidean(0.5), Adaptive(0.5), Unnormalized(0.5)]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("value", [0.0, math.inf, math.nan])
def test_a_direction_that_is_zero_or_not_finite_is_void(metric: Metric, value: float) -> None:
    direction = {0: torch.tensor([value, 0.0]), 1: torch.tensor([0.0])}
    moved = metric.perturbation(direction, _step(), 1.0)
    assert bool(moved.void)
    assert bool(moved.still)
    assert not any(part.any() for part in moved.e.values())


@pytest.mark.parametrize("metric", [Euclidean(0.0), Adaptive(0.0), Unnormalized(0.0)])
def test_a_radius_of_0_is_still_and_not_void(metric: Metric) -> None:
    moved = metric.perturbation({0: torch.ones(2)}, _step(), 1.0)
    assert (bool(moved.void), bool(moved.still)) == (False, True)


def test_the_ball_and_its_parts() -> None:
    direction = {0: torch.tensor([3.0, 0.0]), 1: torch.tensor([4.0])}
    moved = Euclidean(0.5).perturbation(direction, _step(), 2.0)
    torch.testing.assert_close(moved.e, {0: torch.tensor([0.6, 0.0]), 1: torch.tensor([0.8])})
    assert not moved.void
    step = _step()
    only = Only(Euclidean(0.5), [step.params[1]]).perturbation(direction, step, 1.0)
    assert only.e.keys() == {1}
    torch.testing.assert_close(only.e[1], torch.tensor([0.5]))


def test_a_perturbation_may_take_the_memory_of_its_direction_but_not_its_dictionary() -> None:
    part = torch.tensor([3.0, 4.0])
    direction = {0: part}
    moved = Euclidean(0.5).perturbation(direction, _step(), 1.0, overwrite=True)
    assert moved.vector[0] is part
    moved.vector.clear()  # as it is once the weights have moved
    assert direction[0] is part


@pytest.mark.parametrize("mix", [Weighted(0.4), Gap(0.3), Corrected(0.3)])
def test_a_mix_leaves_a_void_gradient_at_w_out(mix: Any) -> None:
    g, perturbed = {0: torch.tensor([math.nan, 1.0])}, {0: torch.tensor([1.0, 2.0])}
    update = mix.update(_step(), g, perturbed, Perturbation({}, void=True, still=True))
    torch.testing.assert_close(update.gradient, perturbed)
    assert all(not part.any() for part in update.after.values())


def test_decoupled_sharpness_comes_after_the_update() -> None:
    g, perturbed = {0: torch.tensor([1.0, 1.0])}, {0: torch.tensor([2.0, 0.0])}
    update = Corrected(0.5).update(_step(), g, perturbed, Perturbation({}))
    torch.testing.assert_close(update.gradient, g)
    torch.testing.assert_close(update.after, {0: torch.tensor([0.5, -0.5])})


def test_what_directions_keep_is_in_what_they_return_alone() -> None:
    step, g = _step(), {0: torch.tensor([2.0, 0.0])}
    signal = Friendly(0.5, 0.75).signal(step, g)
    torch.testing.assert_close(signal.kept["m"], {0: torch.tensor([0.5, 0.0])})
    torch.testing.assert_close(signal.vector, {0: torch.tensor([1.75, 0.0])})
    assert step.recall("m") == {}
    before = {step.params[0]: {"stale": torch.tensor([7.0, 7.0])}}
    signal = Stale().signal(replace(step, memory=before), g)
    torch.testing.assert_close(signal.vector, {0: torch.tensor([7.0, 7.0])})
    assert signal.kept["stale"][0] is g[0]


@pytest.mark.parametrize(
    ("samples", "where", "chosen"),
    [(Hardest(0.5), "w", [1, 3]), (Rising(0.25), "w + e", [3]), (Hardest(1.0), None, None)],
)
def test_chosen_samples(samples: Any, where: str | None, chosen: list[int] | None) -> None:
    scores: Tensor = torch.tensor([0.1, 0.7, 0.2, 0.9])
    assert samples.scored_at == where
    if chosen is not None:
        fraction, positions = samples.choose(scores)
        assert fraction == samples.fraction
        assert sorted(positions.tolist()) == chosen


def test_a_decision_returns_its_numbers() -> None:
    threshold = Threshold(10, memory=0.5)
    acts, numbers = threshold.decide(_step(), 4.0)
    assert numbers == {"mean": 2.0, "variance": 2.0}
    assert acts == (2.0 + math.sqrt(2.0) <= 4.0)
    acts, numbers = threshold.decide(_step(numbers={"mean": 2.0, "variance": 2.0}), math.inf)
    assert (acts, dict(numbers)) == (False, {})
