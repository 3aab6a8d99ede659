"""How the worst case is searched: its steps, its starts, and what it finds beside a whole grid."""

import math

import pytest
import torch
from torch import Tensor

from sssam.sharpness import average_case_rise, worst_case_rise
from tests.sharpness.nets import NOTHING, Point

W = torch.tensor([0.4, -0.3]).double()
RHO = 0.8


def hills(w: Tensor, _: Tensor = W) -> Tensor:
    """A ridge that the slope at W leads along, between two hills of which one is higher."""
    x, y = w[0] - W[0], w[1] - W[1]
    return 0.5 * y + 3 * x**2 + x**3


class Watched:
    """The hills, and where they were asked for."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def __call__(self, w: Tensor, _: Tensor) -> Tensor:
        self.seen.append(w.detach().clone())
        return hills(w)


def slope(w: Tensor) -> Tensor:
    at = w.clone().requires_grad_()
    return torch.autograd.grad(hills(at), at)[0]


def highest(stretch: Tensor) -> float:
    """The largest rise over a fine grid of the ball ||e / stretch|| <= RHO."""
    radius, angle = torch.meshgrid(
        torch.linspace(0, RHO, 300).double(),
        torch.linspace(0, 2 * math.pi, 800).double(),
        indexing="ij",
    )
    points = radius * torch.stack([angle.cos(), angle.sin()])
    return (hills((W + stretch * points.flatten(1).T).T) - hills(W)).max().item()


@pytest.mark.parametrize("adaptive", [False, True])
def test_the_worst_case_is_what_a_grid_over_the_whole_ball_finds(adaptive: bool) -> None:
    expected = highest(W.abs() + 0.2 if adaptive else torch.ones(2).double())
    found = worst_case_rise(
        Point(W), hills, NOTHING, RHO, steps=40, restarts=6, adaptive=adaptive, eta=0.2
    )
    assert found.rise == pytest.approx(expected, rel=1e-3)
    alone = worst_case_rise(Point(W), hills, NOTHING, RHO, steps=40, adaptive=adaptive, eta=0.2)
    assert alone.rise < 0.5 * expected  # without restarts it stays on the ridge


@pytest.mark.parametrize("adaptive", [False, True])
def test_further_steps_go_half_rho_along_the_gradient_and_back_onto_the_ball(
    adaptive: bool,
) -> None:
    start, loss = W + torch.tensor([0.1, -0.2]).double(), Watched()
    t = start.abs() + 0.2 if adaptive else torch.ones(2).double()
    worst_case_rise(Point(start), loss, NOTHING, RHO, steps=4, adaptive=adaptive, eta=0.2)
    u, expected = torch.zeros(2).double(), [start]
    for step in (RHO, RHO / 2, RHO / 2, RHO / 2):
        gradient = t * slope(start + t * u)
        u = u + step * gradient / gradient.norm()
        u = u * min(1.0, RHO / u.norm().item())
        expected.append(start + t * u)
    torch.testing.assert_close(torch.stack(loss.seen), torch.stack(expected))


def test_every_restart_begins_elsewhere_on_the_sphere_and_seeds_differ() -> None:
    starts = []
    for seed in (0, 1):
        loss = Watched()
        worst_case_rise(Point(W), loss, NOTHING, RHO, steps=1, restarts=4, seed=seed)
        starts += loss.seen[2:]  # after W and SAM's own point
    assert len({tuple(start.tolist()) for start in starts}) == 8
    assert [(start - W).norm().item() for start in starts] == pytest.approx([RHO] * 8)


def test_small_rises_of_float32_losses_are_not_lost_to_the_rounding_of_their_sum() -> None:
    rises = []
    for dtype in (torch.float64, torch.float32):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(8, 64), torch.nn.Tanh(), torch.nn.Linear(64, 5))
        inputs, targets = torch.randn(2000, 8).to(dtype), torch.randint(5, (2000,))
        each = torch.nn.CrossEntropyLoss(reduction="none")
        given = [(inputs, targets)]
        rises.append(average_case_rise(model.to(dtype), each, given, 0.01, draws=10).rise)
    assert abs(rises[0]) < 1e-6  # of a loss of 1.7, whose last digit is 1.2e-7
    assert rises[1] == pytest.approx(rises[0], abs=2e-8)
