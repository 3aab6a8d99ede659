"""Rises within a radius: on quadratics where all is known, against SAM's formula, and on nets."""

import math

import pytest
import torch
from torch import Tensor, nn

from sssam.sharpness import average_case_rise, worst_case_rise
from tests.sharpness.nets import (
    NETS,
    NOTHING,
    Point,
    Quadratic,
    batches,
    conv,
    each,
    flat,
    mlp,
    symmetric,
)

DIAGONAL = torch.tensor([4.0, 1.0, 0.5, 0.25]).diag().double()
W = torch.tensor([1.0, -2.0, 0.0, 3.0]).double()


def value(w: Tensor) -> float:
    return (w @ DIAGONAL @ w / 2).item()


class Watched(Quadratic):
    """Keeps the weights that it was asked at."""

    def __init__(self, a: Tensor) -> None:
        super().__init__(a)
        self.seen: list[Tensor] = []

    def __call__(self, w: Tensor, target: Tensor) -> Tensor:
        self.seen.append(w.detach().clone())
        return super().__call__(w, target)


@pytest.mark.parametrize("rho", [0.0, 0.05, 2.0])
def test_one_step_is_sams(rho: float) -> None:
    g = DIAGONAL @ W
    found = worst_case_rise(Point(W), Quadratic(DIAGONAL), NOTHING, rho)
    assert found.loss == pytest.approx(value(W))
    assert found.one_step == pytest.approx(value(W + rho * g / g.norm()) - value(W), abs=1e-12)
    assert found.rise == found.one_step


def test_one_adaptive_step_is_asams() -> None:
    g, t = DIAGONAL @ W, W.abs() + 0.1
    e = 0.5 * t**2 * g / (t * g).norm()
    found = worst_case_rise(Point(W), Quadratic(DIAGONAL), NOTHING, 0.5, adaptive=True, eta=0.1)
    assert found.rise == pytest.approx(value(W + e) - value(W))


def test_at_a_minimum_many_steps_find_half_rho_squared_times_the_largest_eigenvalue() -> None:
    at_zero = Point(torch.zeros(4).double())
    found = worst_case_rise(at_zero, Quadratic(DIAGONAL), NOTHING, 0.3, steps=60, restarts=2)
    assert found.rise == pytest.approx(0.3**2 * 4.0 / 2, rel=1e-6)
    assert found.rise <= 0.3**2 * 4.0 / 2 * (1 + 1e-12)
    assert found.one_step == 0.0


def test_without_a_gradient_and_a_restart_nothing_moves() -> None:
    at_zero = Point(torch.zeros(4).double())
    assert worst_case_rise(at_zero, Quadratic(DIAGONAL), NOTHING, 0.3, steps=5).rise == 0.0


def test_no_point_that_is_looked_at_lies_outside_the_ball() -> None:
    loss = Watched(symmetric(4))
    worst_case_rise(Point(W), loss, NOTHING, 0.7, steps=10, restarts=2)
    distances = [(seen - W).norm().item() for seen in loss.seen]
    assert max(distances) == pytest.approx(0.7)
    t, loss = W.abs() + 0.2, Watched(symmetric(4))
    worst_case_rise(Point(W), loss, NOTHING, 0.7, steps=10, restarts=2, adaptive=True, eta=0.2)
    distances = [((seen - W) / t).norm().item() for seen in loss.seen]
    assert max(distances) == pytest.approx(0.7)


def test_the_average_over_the_sphere_is_rho_squared_times_the_mean_curvature() -> None:
    at_zero = Point(torch.zeros(4).double())
    round_bowl = average_case_rise(at_zero, Quadratic(3 * torch.eye(4).double()), NOTHING, 0.2)
    assert round_bowl.rise == pytest.approx(0.2**2 * 3 / 2)
    assert round_bowl.error == pytest.approx(0.0, abs=1e-12)
    found = average_case_rise(at_zero, Quadratic(DIAGONAL), NOTHING, 0.2, draws=500)
    assert abs(found.rise - 0.2**2 * DIAGONAL.trace().item() / 8) < 4 * found.error
    assert found.error < 0.05 * found.rise


def test_average_draws_lie_on_the_sphere_or_the_ellipsoid() -> None:
    for adaptive, t in ((False, torch.ones(4).double()), (True, W.abs() + 0.2)):
        loss = Watched(DIAGONAL)
        average_case_rise(Point(W), loss, NOTHING, 0.7, draws=9, adaptive=adaptive, eta=0.2)
        distances = [((seen - W) / t).norm().item() for seen in loss.seen[1:]]
        assert distances == pytest.approx([0.7] * 18)
        ways = [seen - W for seen in loss.seen[1:]]
        assert all(torch.allclose(a, -b) for a, b in zip(ways[::2], ways[1::2], strict=True))


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("net", NETS)
def test_the_worst_case_is_above_the_average_and_more_search_never_gives_less(
    net: str, adaptive: bool
) -> None:
    model, rho = NETS[net](), 0.5 if adaptive else 0.1
    average = average_case_rise(model, each, batches(), rho, adaptive=adaptive)
    rises = [
        worst_case_rise(model, each, batches(), rho, steps=n, adaptive=adaptive).rise
        for n in (1, 2, 5, 10)
    ]
    restarted = worst_case_rise(
        model, each, batches(), rho, steps=10, restarts=2, adaptive=adaptive
    )
    assert average.rise + 4 * average.error < rises[0]
    assert rises == sorted(rises)
    assert rises[0] < rises[-1] <= restarted.rise


@pytest.mark.parametrize("measure", [worst_case_rise, average_case_rise])
def test_only_the_chosen_parameters_move(measure: object) -> None:
    model = mlp()
    seen: list[Tensor] = []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        seen.append(flat(model[1].parameters()))
        return each(outputs, targets)

    found = measure(model, loss, batches(), 0.5, params=[*model[3].parameters()])
    assert all(torch.equal(w, seen[0]) for w in seen)
    assert found.rise != 0.0


def test_equal_seeds_give_equal_draws_and_others_do_not() -> None:
    rises = [average_case_rise(mlp_once, each, batches(), 0.1, seed=s).rise for s in (1, 1, 2)]
    assert rises[0] == rises[1] != rises[2]


mlp_once = mlp()


def test_a_loss_that_overflows_within_the_radius_rises_without_bound() -> None:
    def loss(w: Tensor, _: Tensor) -> Tensor:
        return (w - 100).relu().sum() / 0.0 if bool((w > 100).any()) else w.sum()

    point = Point(torch.full((2,), 99.9).double())
    assert worst_case_rise(point, loss, NOTHING, 1.0, steps=3).rise == math.inf
    average = average_case_rise(point, loss, NOTHING, 1.0)
    assert (average.rise, average.error) == (math.inf, math.inf)


@pytest.mark.parametrize("measure", [worst_case_rise, average_case_rise])
def test_a_loss_that_is_not_finite_at_w_is_an_error(measure: object) -> None:
    with pytest.raises(FloatingPointError, match="the loss at w is nan"):
        measure(Point(W), lambda w, _: w.sum() * math.nan, NOTHING, 0.1)


@pytest.mark.parametrize(
    ("measure", "arguments", "text"),
    [
        (worst_case_rise, {"rho": -1.0}, "rho must be at least 0, not -1.0"),
        (worst_case_rise, {"rho": math.nan}, "rho must be at least 0, not nan"),
        (worst_case_rise, {"rho": 0.1, "steps": 0}, "steps must be at least 1, not 0"),
        (worst_case_rise, {"rho": 0.1, "restarts": -1}, "restarts must be at least 0"),
        (worst_case_rise, {"rho": 0.1, "adaptive": True, "eta": -1.0}, "eta must be at least 0"),
        (average_case_rise, {"rho": 0.1, "draws": 1}, "draws must be at least 2, not 1"),
        (average_case_rise, {"rho": -0.1}, "rho must be at least 0"),
        (average_case_rise, {"rho": 0.1, "mode": "test"}, "mode must be one of eval, train"),
        (average_case_rise, {"rho": 0.1, "seed": -1}, "seed must be"),
    ],
)
def test_arguments_out_of_range_are_named(measure: object, arguments: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        measure(conv(), each, batches(), **arguments)


def test_half_precision_is_refused() -> None:
    with pytest.raises(TypeError, match="lost to rounding"):
        worst_case_rise(nn.Linear(2, 2).bfloat16(), each, batches(), 0.1)


def test_a_slope_is_no_part_of_the_average() -> None:
    found = average_case_rise(Point(W), lambda w, _: w.sum(), NOTHING, 0.5)
    assert found.rise == pytest.approx(0.0, abs=1e-12)
    assert found.error == pytest.approx(0.0, abs=1e-12)
