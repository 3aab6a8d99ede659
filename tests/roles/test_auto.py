"""rho="auto": a radius that is read off the gradient and the weights."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import sssam
from sssam.core.passes import Step
from sssam.methods import Ascent
from sssam.roles import Auto, Fresh
from sssam.roles.auto import on_device_per_unit
from sssam.schedules import constant
from tests import naive
from tests.problems import BASES, Problem, by_best, flat

W = [torch.tensor([[3.0, 4.0]]), torch.tensor([0.0])]  # a matrix and a bias; ||w|| is 5


def _step(**group: Any) -> Step:
    return Step(0, W, [{"lr": 0.1, **group}] * 2, {}, {}, lambda p: {})


def _length(metric: Auto, g: Tensor, strength: float = 1.0) -> float:
    e = metric.perturbation({0: g}, _step(), strength).e
    return float(e[0].norm())


def test_the_loss_rises_to_first_order_by_as_much_as_was_asked() -> None:
    g = torch.tensor([[30.0, 40.0]])
    e = Auto(rise=0.25).perturbation({0: g}, _step(), 1.0).e
    assert float((e[0] * g).sum()) == pytest.approx(0.25)


def test_where_the_gradient_is_short_the_weights_bound_the_radius() -> None:
    for size in (1e-3, 1e-12):
        assert _length(Auto(reach=0.1), torch.tensor([[0.0, size]])) == pytest.approx(0.5)


def test_the_bound_is_parted_among_the_layers() -> None:
    w = [torch.ones(2, 2), torch.ones(2, 2), torch.ones(4)]
    step = Step(0, w, [{}] * 3, {}, {}, lambda p: {})
    direction = {i: torch.full_like(p, 1e-6) for i, p in enumerate(w)}
    moved = Auto(reach=0.1).perturbation(direction, step, 1.0)
    assert float(flat(list(moved.e.values())).norm()) == pytest.approx(0.1 * math.sqrt(12) / 2)


def test_a_part_of_the_batch_may_go_farther_along_a_gradient_that_is_longer_by_noise() -> None:
    g = torch.tensor([[300.0, 400.0]])
    whole, part = (_length(Auto(fraction=f), g) for f in (1.0, 1 / 16))
    assert part / whole == pytest.approx(8.0)


def test_strength_is_a_factor() -> None:
    g = torch.tensor([[300.0, 400.0]])
    assert _length(Auto(), g, 2.0) == pytest.approx(2 * _length(Auto(), g))


@pytest.mark.parametrize("value", [0.0, math.inf, math.nan])
def test_a_direction_that_is_zero_or_not_finite_is_void(value: float) -> None:
    direction = {0: torch.tensor([[value, 0.0]]), 1: torch.tensor([0.0])}
    moved = Auto().perturbation(direction, _step(), 1.0)
    assert bool(moved.void)
    assert bool(moved.still)
    assert not any(part.any() for part in moved.e.values())


def test_no_direction_at_all_moves_nothing() -> None:
    moved = Auto().perturbation({}, _step(), 1.0)
    assert (moved.e, bool(moved.void)) == ({}, True)


@pytest.mark.parametrize("length", [0.0, 1e-30, 0.7, 1e4, math.inf, math.nan])
def test_a_device_computes_what_the_host_does(length: float) -> None:
    d, w = torch.tensor(length), torch.tensor(5.0)
    there = on_device_per_unit(0.25, 0.1, d, w)
    here = Auto()._per_unit(d, w)
    torch.testing.assert_close(there, torch.as_tensor(here, dtype=there.dtype), rtol=1e-6, atol=0)


def test_a_group_with_a_radius_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sssam_rho=0.1, and rho='auto' finds one radius"):
        Auto().perturbation({0: torch.ones(1, 2)}, _step(sssam_rho=0.1), 1.0)


def test_a_group_whose_radius_is_0_stays_and_counts_in_neither_norm() -> None:
    w = [torch.full((2, 2), 1.0), torch.full((2, 2), 1e9)]
    step = Step(0, w, [{}, {"sssam_rho": 0.0}], {}, {}, lambda p: {})
    g = torch.full((2, 2), 1e-3)
    moved = Auto().perturbation({0: g, 1: torch.full((2, 2), 1e9)}, step, 1.0)
    assert moved.e.keys() == {0}
    assert float(moved.e[0].norm()) == pytest.approx(0.2)  # 0.1 ||w||, of one layer alone
    still = Auto().perturbation({1: torch.ones(2, 2)}, step, 1.0)
    assert (still.e, still.void, still.still) == ({}, False, True)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"rise": 0.0}, "rise must be above 0"),
        ({"reach": -1.0}, "reach must be at least 0, not -1.0"),
        ({"rise": math.inf}, "rise must be at least 0, not inf"),
        ({"fraction": 0.0}, r"ascent_fraction must be in \(0, 1\]"),
    ],
)
def test_constants_out_of_range_are_refused(settings: dict[str, float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Auto(**settings)


@pytest.mark.parametrize("rise", [0.02, 0.25])
def test_iterates_are_those_of_the_pseudo_code_on_a_part_of_the_batch(rise: float) -> None:
    theirs, ours = Problem(), Problem()
    twin = naive.NaiveAuto(rise=rise, fraction=0.25)
    expected = naive.loop.train(theirs, _base(theirs), twin, 30)
    method = Ascent(Fresh(0.25), Auto(rise=rise, fraction=0.25))
    by_best(ours, sssam.SharpnessAware(_base(ours), method, model=ours.model), 30)
    torch.testing.assert_close(flat(ours.params), expected[-1], rtol=1e-10, atol=1e-11)


def _base(problem: Problem) -> torch.optim.Optimizer:
    return BASES["momentum"](problem.params)


STEPS = 12
MORE: dict[str, dict[str, Any]] = {
    "SSSAM": {"schedule": constant(0.5), "total_steps": STEPS},
    "AESAM": {"total_steps": STEPS},
}
TAKE = ["AESAM", "AsyncSAM", "ESAM", "FriendlySAM", "GSAM", "KSAM", "LookSAM", "MicroSAM"]
TAKE += ["SAM", "SAMPa", "SSSAM", "WSAM"]


@pytest.mark.parametrize("name", TAKE)
def test_each_method_with_an_ascent_takes_it(name: str) -> None:
    problem = Problem()
    build = getattr(sssam, name)
    optimizer = build(_base(problem), rho="auto", model=problem.model, **MORE.get(name, {}))
    before = problem.loss(0).item()
    by_best(problem, optimizer, STEPS)
    assert optimizer.ascents > 0
    assert int(optimizer.counters.voided) == 0
    assert problem.loss(0).item() < before


def test_the_part_of_the_batch_is_known_to_the_rule() -> None:
    problem = Problem()
    for optimizer in (
        sssam.SAM(_base(problem), rho="auto", ascent_fraction=0.25, model=problem.model),
        sssam.MicroSAM(_base(problem), rho="auto", ascent_fraction=0.25, model=problem.model),
        sssam.AsyncSAM(_base(problem), rho="auto", ascent_fraction=0.25, model=problem.model),
    ):
        assert "Auto(rise=0.25, reach=0.1, fraction=0.25)" in repr(optimizer.method)


@pytest.mark.parametrize(
    ("name", "settings", "text"),
    [
        ("SSSAM", {"adaptive": True}, "use adaptive=False"),
        ("SAM", {"along": "sign"}, "and along='gradient'"),
        ("GSAM", {"rho_min": 0.01, "lr_max": 0.1}, "rho='auto' finds its own"),
    ],
)
def test_what_has_no_slope_or_two_rules_is_refused(
    name: str, settings: dict[str, Any], text: str
) -> None:
    problem = Problem()
    with pytest.raises(ValueError, match=text):
        getattr(sssam, name)(
            _base(problem), rho="auto", model=problem.model, **MORE.get(name, {}), **settings
        )


@pytest.mark.parametrize("name", ["ASAM", "USAM", "MSAM", "S2SAM", "RandomPerturbation"])
def test_methods_without_a_slope_want_a_number(name: str) -> None:
    problem = Problem()
    with pytest.raises(TypeError, match="rho must be a number, not 'auto'"):
        getattr(sssam, name)(_base(problem), rho="auto", model=problem.model)
