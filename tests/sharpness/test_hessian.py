"""Curvature against dense float64 Hessians, and against matrices that are known."""

import math
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sssam.sharpness import Hessian
from tests.sharpness.nets import (
    NETS,
    NOTHING,
    Point,
    Quadratic,
    batches,
    conv,
    dense,
    each,
    flat,
    mlp,
    symmetric,
)

MODES = ("eval", "train")


def known(a: Tensor) -> Hessian:
    """The Hessian of a loss whose Hessian is `a`."""
    return Hessian(Point(torch.ones(len(a), dtype=a.dtype)), Quadratic(a), NOTHING)


def relative_size(model: nn.Module, eta: float) -> Tensor:
    return flat(model.parameters()).abs() + eta


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("net", NETS)
def test_a_product_is_the_dense_hessian_times_the_vector(net: str, mode: str) -> None:
    model = NETS[net]()
    h = dense(model, batches(), mode)
    hessian = Hessian(model, each, batches(), mode=mode)
    v = [torch.randn_like(p) for p in hessian.params]
    torch.testing.assert_close(flat(hessian.product(v)), h @ flat(v), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("which", ["LA", "SA", "LM"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("net", NETS)
def test_the_outer_eigenvalues_are_those_of_the_dense_hessian(
    net: str, mode: str, which: str
) -> None:
    model = NETS[net]()
    all_of_them = torch.linalg.eigvalsh(dense(model, batches(), mode)).tolist()
    keys = {"LA": lambda x: -x, "SA": lambda x: x, "LM": lambda x: -abs(x)}
    found = Hessian(model, cross_entropy, batches(), mode=mode).top_eigenvalues(5, which=which)
    expected = sorted(all_of_them, key=keys[which])[:5]
    assert found.values == pytest.approx(expected, rel=1e-8, abs=1e-8)
    assert max(found.residuals) < 1e-7


@pytest.mark.parametrize("net", NETS)
def test_vectors_are_eigenvectors_of_unit_length(net: str) -> None:
    model = NETS[net]()
    h = dense(model, batches())
    found = Hessian(model, each, batches()).top_eigenvalues(2)
    for value, residual, vector in zip(found.values, found.residuals, found.vectors, strict=True):
        v = flat(vector)
        assert v.norm().item() == pytest.approx(1)
        assert (h @ v - value * v).norm().item() == pytest.approx(residual, abs=1e-10)


@pytest.mark.parametrize("eta", [0.0, 0.3])
@pytest.mark.parametrize("net", NETS)
def test_the_adaptive_hessian_is_t_h_t(net: str, eta: float) -> None:
    model = NETS[net]()
    t = relative_size(model, eta)
    tht = t[:, None] * dense(model, batches()) * t
    hessian = Hessian(model, each, batches(), adaptive=True, eta=eta)
    v = [torch.randn_like(p) for p in hessian.params]
    torch.testing.assert_close(flat(hessian.product(v)), tht @ flat(v), rtol=1e-10, atol=1e-12)
    expected = torch.linalg.eigvalsh(tht).flip(0)[:3].tolist()
    assert hessian.top_eigenvalues(3).values == pytest.approx(expected, rel=1e-8, abs=1e-8)
    trace = hessian.trace(400)
    assert abs(trace.value - tht.trace().item()) < 4 * trace.error


def test_the_adaptive_hessian_does_not_see_a_scale_moved_between_layers() -> None:
    net = nn.Sequential(nn.Linear(16, 4, bias=False), nn.ReLU(), nn.Linear(4, 3, bias=False))
    net.double()
    given = [(x.flatten(1), y) for x, y in batches()]
    values = []
    for factor in (1.0, 8.0):
        with torch.no_grad():
            net[0].weight.mul_(factor)
            net[2].weight.div_(factor)
        for adaptive in (True, False):
            hessian = Hessian(net, each, given, adaptive=adaptive, eta=0.0)
            values.append(hessian.top_eigenvalues(1).values[0])
    assert values[2] == pytest.approx(values[0], rel=1e-8)
    assert abs(values[3] - values[1]) > 0.5 * values[1]


@pytest.mark.parametrize("net", NETS)
def test_the_trace_lies_within_its_error(net: str) -> None:
    model = NETS[net]()
    trace = Hessian(model, each, batches()).trace(400)
    assert abs(trace.value - dense(model, batches()).trace().item()) < 4 * trace.error


@settings(max_examples=6, deadline=None)
@given(st.integers(2, 12), st.integers(0, 1000))
def test_the_standard_error_is_that_of_the_formula(n: int, seed: int) -> None:
    a = symmetric(n, seed)
    trace = known(a).trace(400, seed=seed)
    variance = 2 * (a - a.diag().diag()).square().sum().item()
    assert abs(trace.value - a.trace().item()) < 5 * math.sqrt(variance / 400)
    assert trace.error == pytest.approx(math.sqrt(variance / 400), rel=0.25)


def test_intervals_of_two_errors_cover_the_trace_as_often_as_they_should() -> None:
    a = symmetric(8)
    estimates = [known(a).trace(20, seed=seed) for seed in range(200)]
    covered = sum(abs(e.value - a.trace().item()) < 2 * e.error for e in estimates)
    assert 0.89 <= covered / 200 <= 0.985


def test_the_trace_of_a_diagonal_matrix_is_exact() -> None:
    trace = known(torch.tensor([1.0, -2.0, 4.0]).diag().double()).trace(5)
    assert (trace.value, trace.error, trace.samples) == (3.0, 0.0, 5)


@pytest.mark.parametrize("n", [1, 4, 20, 21, 60])
def test_eigenvalues_of_known_matrices_of_any_size(n: int) -> None:
    a = symmetric(n)
    k = min(n, 4)
    expected = torch.linalg.eigvalsh(a).flip(0)[:k].tolist()
    assert known(a).top_eigenvalues(k).values == pytest.approx(expected, rel=1e-8)


def test_every_eigenvalue_can_be_asked_for() -> None:
    a = symmetric(30)
    found = known(a).top_eigenvalues(30)
    assert found.values == pytest.approx(torch.linalg.eigvalsh(a).flip(0).tolist(), rel=1e-8)
    assert found.products == 60


def test_a_loss_without_curvature_has_none() -> None:
    hessian = Hessian(Point(torch.ones(30).double()), lambda w, _: w.sum(), NOTHING)
    assert hessian.top_eigenvalues(2).values == (0.0, 0.0)
    assert hessian.trace(3).value == 0.0


def test_only_the_chosen_parameters_count() -> None:
    model = conv()
    h = dense(model, batches())
    head = [*model[4].parameters()]
    n = sum(p.numel() for p in head)
    found = Hessian(model, each, batches(), head).top_eigenvalues(2)
    expected = torch.linalg.eigvalsh(h[-n:, -n:]).flip(0)[:2].tolist()
    assert found.values == pytest.approx(expected, rel=1e-8)
    for layer in (model[0], model[1]):
        layer.requires_grad_(False)
    assert Hessian(model, each, batches()).top_eigenvalues(2) == found


def test_float32_gives_the_digits_that_it_has() -> None:
    exact = Hessian(conv(), each, batches()).top_eigenvalues(3)
    torch.manual_seed(0)
    rough = Hessian(conv().float(), each, batches(dtype=torch.float32)).top_eigenvalues(3)
    assert rough.values == pytest.approx(exact.values, rel=1e-3)


def test_under_no_grad_too() -> None:
    hessian = Hessian(mlp(), each, batches())
    expected = hessian.top_eigenvalues(1)
    with torch.no_grad():
        assert hessian.top_eigenvalues(1) == expected


def test_equal_seeds_give_equal_numbers_and_others_do_not() -> None:
    hessian = Hessian(mlp(), each, batches())
    assert hessian.trace(4, seed=1) == hessian.trace(4, seed=1)
    assert hessian.trace(4, seed=1).value != hessian.trace(4, seed=2).value
    assert hessian.top_eigenvalues(2, seed=1) == hessian.top_eigenvalues(2, seed=1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.complex64])
def test_other_types_are_refused_with_the_remedy(dtype: torch.dtype) -> None:
    with pytest.raises(TypeError, match=r"lost to rounding; .*copy\.deepcopy\(model\)\.float"):
        Hessian(Point(torch.ones(3, dtype=dtype)), Quadratic(symmetric(3)), NOTHING)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda h: h.top_eigenvalues(0), "k must be at least 1, not 0"),
        (lambda h: h.top_eigenvalues(4), "k must be at most 3, the number of weights, not 4"),
        (lambda h: h.top_eigenvalues(1, which="XX"), "which must be one of LA, SA, LM"),
        (lambda h: h.top_eigenvalues(1, tol=-1.0), "tol must be in"),
        (lambda h: h.top_eigenvalues(1, restarts=0), "restarts must be at least 1"),
        (lambda h: h.trace(1), "samples must be at least 2, not 1; one sample has no"),
        (lambda h: h.product([torch.ones(2)]), r"v must have the parameters' shapes \[\(3,\)\]"),
    ],
)
def test_arguments_out_of_range_are_named(call: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call(known(symmetric(3)))


def test_eta_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="eta must be at least 0"):
        Hessian(mlp(), each, batches(), adaptive=True, eta=-0.1)


def test_no_convergence_says_how_far_it_came() -> None:
    with pytest.raises(RuntimeError, match="of 6 eigenvalues converged to tol=0 within 1 restarts"):
        known(symmetric(300)).top_eigenvalues(6, tol=0.0, restarts=1)


def test_curvature_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(FloatingPointError, match="no curvature"):
        known(torch.full((3, 3), math.inf)).top_eigenvalues(1)


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse.linalg", None)
    with pytest.raises(ImportError, match=r"pip install 'sssam\[lab\]'"):
        known(symmetric(30)).top_eigenvalues(1)
