"""Filter-normalised directions, curves, surfaces, and the line between two solutions."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from sssam.sharpness import (
    Hessian,
    Line,
    filter_normalized_direction,
    loss_curve,
    loss_line,
    loss_surface,
)
from tests.sharpness.nets import (
    NOTHING,
    Point,
    Quadratic,
    batches,
    conv,
    each,
    mlp,
    symmetric,
)

A = symmetric(4)
W = torch.tensor([1.0, -2.0, 0.5, 3.0]).double()
ACROSS = torch.tensor([1.0, 0.0, 2.0, 0.0]).double()
UP = torch.tensor([0.0, -1.0, 0.0, 1.0]).double()


def value(w: Tensor) -> float:
    return (w @ A @ w / 2).item()


def right(outputs: Tensor, targets: Tensor) -> Tensor:
    return outputs.argmax(1) == targets


def test_each_filter_of_a_direction_is_as_long_as_the_models() -> None:
    model = conv()
    with torch.no_grad():
        model[0].weight[1] = 0.0
    direction = filter_normalized_direction(model, seed=1)
    assert [d.shape for d in direction] == [p.shape for p in model.parameters()]
    for d, p in zip(direction, model.parameters(), strict=True):
        if p.ndim < 2:
            assert not d.any()
        else:
            torch.testing.assert_close(d.flatten(1).norm(dim=1), p.flatten(1).norm(dim=1))


def test_directions_differ_by_seed_and_do_not_point_along_the_weights() -> None:
    model = conv()
    one, same, other = (filter_normalized_direction(model, seed)[4] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    for a, b in ((one, other), (one, model[4].weight)):
        assert abs(torch.cosine_similarity(a.flatten(), b.detach().flatten(), dim=0)) < 0.5


def test_a_curve_of_a_quadratic_is_the_quadratic() -> None:
    curve = loss_curve(Point(W), Quadratic(A), NOTHING, [ACROSS], x=[-2, 0, 0.5])
    assert curve.x.tolist() == [-2.0, 0.0, 0.5]
    expected = [value(W + x * ACROSS) for x in (-2, 0, 0.5)]
    assert curve.loss.tolist() == pytest.approx(expected)
    assert curve.metric is None


def test_a_surface_of_a_quadratic_is_the_quadratic_a_row_for_each_y() -> None:
    xs, ys = [-1.0, 0.0, 2.0], [0.0, 3.0]
    surface = loss_surface(Point(W), Quadratic(A), NOTHING, ([ACROSS], [UP]), x=xs, y=ys)
    expected = [[value(W + x * ACROSS + y * UP) for x in xs] for y in ys]
    assert surface.loss.shape == (2, 3)
    torch.testing.assert_close(surface.loss, torch.tensor(expected).double())


def test_the_curvature_along_an_eigenvector_is_the_eigenvalue() -> None:
    model = conv()
    top = Hessian(model, each, batches()).top_eigenvalues(1)
    loss = loss_curve(model, each, batches(), top.vectors[0], x=[-1e-3, 0.0, 1e-3]).loss
    curvature = (loss[0] - 2 * loss[1] + loss[2]).item() / 1e-6
    assert curvature == pytest.approx(top.values[0], rel=1e-4)


def test_loss_and_metric_are_means_over_samples() -> None:
    model = conv().eval()
    x, y = (torch.cat(parts) for parts in zip(*batches(), strict=True))
    with torch.no_grad():
        outputs = model(x)
    surface = loss_surface(model, each, batches(), x=[0.0, 1.0], y=[0.0], metric=right)
    assert surface.loss[0, 0].item() == pytest.approx(each(outputs, y).mean().item())
    assert surface.metric is not None
    assert surface.metric.shape == (1, 2)
    assert surface.metric[0, 0].item() == pytest.approx(right(outputs, y).double().mean().item())
    curve = loss_curve(model, each, batches(), x=[0.0, 1.0], metric=right)
    assert torch.equal(curve.loss, surface.loss[0])
    assert torch.equal(curve.metric, surface.metric[0])


def test_default_directions_are_those_of_the_seed_and_of_the_one_after() -> None:
    model = conv()
    first, second = (filter_normalized_direction(model, seed) for seed in (4, 5))
    few = {"x": [0.0, 0.5], "y": [0.0, 1.0]}
    given = loss_surface(model, each, batches(), (first, second), **few)
    assert torch.equal(loss_surface(model, each, batches(), seed=4, **few).loss, given.loss)
    curve = loss_curve(model, each, batches(), x=[0.0, 0.5], seed=4)
    assert torch.equal(curve.loss, given.loss[0])


def test_a_loss_that_is_not_finite_is_told() -> None:
    curve = loss_curve(Point(W), lambda w, _: w.sum().log(), NOTHING, [-W], x=[0.0, 2.0])
    assert curve.loss.isfinite().tolist() == [True, False]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"x": []}, "x must be a list of at least one finite number"),
        ({"x": [0.0, math.inf]}, "x must be a list of at least one finite number"),
        ({"direction": [ACROSS]}, "direction must have the parameters' shapes"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        loss_curve(mlp(), each, batches(), **arguments)


def solutions() -> tuple[nn.Module, nn.Module, nn.Module]:
    one, other = conv(), conv()
    return conv(), one, other


def at(model: nn.Module) -> float:
    x, y = (torch.cat(parts) for parts in zip(*batches(), strict=True))
    with torch.no_grad():
        return each(model.eval()(x), y).mean().item()


def mixed(one: nn.Module, other: nn.Module, x: float) -> nn.Module:
    """(1 - x) one + x other, whole numbers apart."""
    model, states = copy.deepcopy(one), (one.state_dict(), other.state_dict())
    between = {
        key: (1 - x) * states[0][key] + x * states[1][key]
        for key in states[0]
        if states[0][key].is_floating_point()
    }
    model.load_state_dict(states[0] | between)
    return model


def test_the_line_runs_from_the_first_solution_to_the_second() -> None:
    model, one, other = solutions()
    ends = one.state_dict(), other.state_dict()
    line = loss_line(model, each, batches(), *ends, x=[0.0, 0.3, 1.0], metric=right)
    expected = [at(one), at(mixed(one, other, 0.3)), at(other)]
    assert line.loss.tolist() == pytest.approx(expected, rel=1e-12)
    assert line.metric is not None
    assert line.metric.shape == (3,)


@pytest.mark.parametrize("which", [0, 1])
def test_an_end_may_be_the_models_own_state(which: int) -> None:
    _, *ends = solutions()
    states = [end.state_dict() for end in ends]
    expected = loss_line(conv(), each, batches(), *states, x=[0.0, 0.3, 0.7, 1.0])
    own = loss_line(ends[which], each, batches(), *states, x=[0.0, 0.3, 0.7, 1.0])
    assert torch.equal(own.loss, expected.loss)


def test_statistics_can_be_found_anew() -> None:
    model, one, other = solutions()
    ends = one.state_dict(), other.state_dict()
    line = loss_line(model, each, batches(), *ends, x=[0.3], statistics=batches())
    expected = mixed(one, other, 0.3)
    inner = [expected[0](x).detach() for x, _ in batches()]
    expected[1].running_mean = torch.stack([x.mean((0, 2, 3)) for x in inner]).mean(0)
    expected[1].running_var = torch.stack([x.var((0, 2, 3)) for x in inner]).mean(0)
    assert line.loss.item() == pytest.approx(at(expected), rel=1e-12)
    assert abs(line.loss.item() - at(mixed(one, other, 0.3))) > 1e-6


def test_beyond_the_ends_the_statistics_stay_the_ends() -> None:
    model, one, other = solutions()
    other[1].running_var.mul_(0.1)  # a line through both variances would be negative at 3
    line = loss_line(model, each, batches(), one.state_dict(), other.state_dict(), x=[3.0])
    expected = mixed(one, other, 3.0)
    for key in ("running_mean", "running_var"):
        setattr(expected[1], key, getattr(other[1], key))
    assert line.loss.item() == pytest.approx(at(expected), rel=1e-12)


def test_the_barrier_is_the_rise_above_the_straight_line() -> None:
    x = torch.tensor([-1.0, 0.0, 0.5, 1.0])
    assert Line(x, torch.tensor([9.0, 1.0, 4.0, 3.0]), None).barrier == 2.0
    assert Line(x, torch.tensor([9.0, 1.0, 1.5, 3.0]), None).barrier == 0.0
    with pytest.raises(ValueError, match="x must hold 0 and 1"):
        _ = Line(x[:3], x[:3], None).barrier


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s: s.pop("4.weight"), "second is no state of this model: they differ in 4.weight"),
        (lambda s: s.update(other=torch.ones(1)), "they differ in other"),
        (lambda s: s.clear(), r"in 0\.bias, 0\.weight, 1\.bias and 6 more$"),
        (
            lambda s: s.update({"4.bias": torch.ones(2)}),
            r"4\.bias has shape \(2,\), the model's \(3,\)",
        ),
    ],
)
def test_states_of_other_models_are_refused(change: object, text: str) -> None:
    model, one, other = solutions()
    second = other.state_dict()
    change(second)
    with pytest.raises(ValueError, match=text):
        loss_line(model, each, batches(), one.state_dict(), second)
