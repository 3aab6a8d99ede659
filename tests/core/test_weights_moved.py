"""How far and where to: radii, param groups, kinds of tensors, zero and non-finite gradients."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import sssam
from sssam.core import vectors
from sssam.roles import metric
from tests.problems import same

Params = list[torch.Tensor]


def _moved(
    params: Params, grads: list[torch.Tensor | None], **options: object
) -> tuple[sssam.SharpnessAware, Params]:
    """Ascend once along given gradients; the perturbation of each parameter."""
    adaptive = options.pop("adaptive", False)
    groups = options.pop("groups", [{"params": params}])
    build = sssam.ASAM if adaptive else sssam.SAM
    optimizer = build(torch.optim.SGD(groups, lr=0.1), model=False, **options)  # type: ignore[arg-type]
    before = [p.detach().clone() for p in params]
    for p, g in zip(params, grads, strict=True):
        p.grad = None if g is None else g.clone()
    assert optimizer.ascend()
    assert all(p.grad is None for p in params)
    e = [p.detach() - b for p, b in zip(params, before, strict=True)]
    optimizer.restore()
    assert same(params, before)
    return optimizer, e


def _parameters(*shapes: tuple[int, ...], dtype: torch.dtype = torch.float64) -> Params:
    return [nn.Parameter(torch.randn(shape, dtype=torch.float64).to(dtype)) for shape in shapes]


@settings(max_examples=60, deadline=None)
@given(
    rho=st.floats(0, 100),
    scale=st.floats(1e-12, 1e12),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
def test_the_length_is_rho_over_all_parameters_together(
    rho: float, scale: float, sizes: list[int]
) -> None:
    """||e||_2 = rho whatever the gradient's scale and however the parameters are cut."""
    params = [nn.Parameter(torch.zeros(n, dtype=torch.float64)) for n in sizes]
    grads = [torch.randn(n, dtype=torch.float64) * scale for n in sizes]
    _, e = _moved(params, grads, rho=rho)
    length = torch.cat(e).norm()
    assert length.item() == pytest.approx(rho, rel=1e-9, abs=1e-150)
    g = torch.cat(grads)
    torch.testing.assert_close(torch.cat(e), rho * g / g.norm(), rtol=1e-9, atol=1e-300)


def test_asam_is_invariant_to_a_rescaling_of_neurons() -> None:
    w = _parameters((5,))
    g = [torch.randn(5, dtype=torch.float64)]
    a = torch.tensor([1.0, 10.0, 0.1, 3.0, 7.0], dtype=torch.float64)
    _, e = _moved(w, g, rho=0.5, eta=0.0, adaptive=True)
    _, scaled = _moved(
        [nn.Parameter(w[0].detach() * a)], [g[0] / a], rho=0.5, eta=0.0, adaptive=True
    )
    torch.testing.assert_close(scaled[0], e[0] * a, rtol=1e-12, atol=0)


def test_param_groups_have_radii_of_their_own_and_a_common_norm() -> None:
    params = _parameters((3,), (4,))
    grads = [torch.randn(3, dtype=torch.float64), torch.randn(4, dtype=torch.float64)]
    total = torch.cat(grads).norm()
    for adaptive in (False, True):
        groups = [{"params": params[:1], "sssam_rho": 0.5}, {"params": params[1:]}]
        _, e = _moved(params, grads, rho=0.1, groups=groups, adaptive=adaptive)
        _, plain = _moved(params, grads, rho=0.1, adaptive=adaptive)
        torch.testing.assert_close(e[0], 5 * plain[0], rtol=1e-10, atol=1e-14)
        torch.testing.assert_close(e[1], plain[1], rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(_moved(params, grads, rho=0.1)[1][0], 0.1 * grads[0] / total)


def test_a_group_radius_can_change_while_training_and_is_checked() -> None:
    params = _parameters((3,))
    optimizer = sssam.SAM(torch.optim.SGD(params, lr=0.1), rho=0.1, model=False)
    optimizer.param_groups[0]["sssam_rho"] = 2.0
    params[0].grad = torch.ones(3, dtype=torch.float64)
    before = params[0].detach().clone()
    optimizer.ascend()
    assert (params[0] - before).norm().item() == pytest.approx(2.0)
    optimizer.restore()
    optimizer.param_groups[0]["sssam_rho"] = -1.0
    params[0].grad = torch.ones(3, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"rho must be at least 0, not -1"):
        optimizer.ascend()


def test_parameters_without_gradients_stay() -> None:
    params = _parameters((3,), (4,), (2,))
    params[2].requires_grad_(False)
    _, e = _moved(params, [torch.ones(3, dtype=torch.float64), None, None], rho=0.1)
    assert e[0].norm().item() == pytest.approx(0.1)
    assert not e[1].any()
    assert not e[2].any()


def test_gradients_may_reach_other_parameters_in_the_second_pass() -> None:
    """Stochastic depth: a mix counts a gradient that one pass did not bring as zero."""
    params = _parameters((3,), (3,))
    optimizer = sssam.SAM(torch.optim.SGD(params, lr=1.0), rho=0.1, mix=0.25, model=False)
    before = [p.detach().clone() for p in params]
    ones = torch.ones(3, dtype=torch.float64)
    params[0].grad = ones.clone()
    optimizer.ascend()
    params[1].grad = ones.clone()
    optimizer.step()
    torch.testing.assert_close(params[0].detach(), before[0] - 0.75)
    torch.testing.assert_close(params[1].detach(), before[1] - 0.25)


@pytest.mark.parametrize("adaptive", [False, True])
def test_sparse_gradients_equal_dense_ones(adaptive: bool) -> None:
    ends = []
    for sparse in (False, True):
        torch.manual_seed(0)
        table, head = nn.Embedding(9, 4, sparse=sparse), nn.Linear(4, 2)
        params = [*table.parameters(), *head.parameters()]
        build = sssam.ASAM if adaptive else sssam.SAM
        optimizer = build(torch.optim.SGD(params, lr=0.1), rho=0.5, model=False)
        for x, y in ((torch.tensor([1, 1, 5]), torch.tensor([0, 1, 0])),) * 5:
            for p in optimizer.passes((x, y)):
                p.backward(nn.functional.cross_entropy(head(table(p.x)), p.y))
            assert table.weight.grad is not None
            assert table.weight.grad.is_sparse == sparse
            optimizer.step()
        ends.append(params)
    for one, other in zip(*ends, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("method", ["mixed", "looksam"])
def test_sparse_gradients_in_a_mix(method: str) -> None:
    ends = []
    for sparse in (False, True):
        torch.manual_seed(0)
        table = nn.Embedding(9, 4, sparse=sparse)
        base = torch.optim.SGD(table.parameters(), lr=0.1)
        optimizer = (
            sssam.SAM(base, rho=0.5, mix=0.5, model=False)
            if method == "mixed"
            else sssam.LookSAM(base, rho=0.5, k=2, model=False)
        )
        for _ in range(4):
            for p in optimizer.passes(torch.tensor([1, 1, 5])):
                p.backward(table(p.batch).pow(3).sum())
            optimizer.step()
        ends.append(table.weight)
    torch.testing.assert_close(*ends)


def test_complex_parameters_move_as_pairs_of_reals() -> None:
    real = [nn.Parameter(torch.randn(4, 2, dtype=torch.float64))]
    pair = [nn.Parameter(torch.view_as_complex(real[0].detach().clone()))]
    g = torch.randn(4, 2, dtype=torch.float64)
    _, e = _moved(real, [g], rho=0.3)
    _, c = _moved(pair, [torch.view_as_complex(g)], rho=0.3)
    torch.testing.assert_close(torch.view_as_real(c[0]), e[0])
    optimizer = sssam.LookSAM(torch.optim.SGD(pair, lr=0.1), rho=0.3, k=2, model=False)
    for _ in range(4):
        for p in optimizer.passes(None):
            p.backward((pair[0] ** 2).abs().sum())
        optimizer.step()
    assert torch.isfinite(torch.view_as_real(pair[0])).all()


def test_mixed_dtypes_share_one_norm() -> None:
    dtypes = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
    params = [nn.Parameter(torch.zeros(4, dtype=dtype)) for dtype in dtypes]
    grads = [torch.full((4,), 3.0, dtype=dtype) for dtype in dtypes]
    for adaptive in (False, True):
        _, e = _moved(
            params, grads, rho=0.5, adaptive=adaptive, **({"eta": 1.0} if adaptive else {})
        )
        for part, dtype in zip(e, dtypes, strict=True):
            assert part.dtype == dtype
            torch.testing.assert_close(
                part.double(), torch.full((4,), 0.125).double(), rtol=5e-3, atol=0
            )


def test_half_precision_norms_do_not_overflow() -> None:
    params = [nn.Parameter(torch.zeros(64, dtype=torch.float16))]
    _, e = _moved(params, [torch.full((64,), 6e4, dtype=torch.float16)], rho=1.0)
    torch.testing.assert_close(e[0].float(), torch.full((64,), 0.125), rtol=1e-3, atol=0)


@pytest.mark.parametrize("shape", [(4,), (1024, 256)])
def test_factors_above_half_precision_s_range_are_taken(shape: tuple[int, ...]) -> None:
    """A short gradient's factor to rho; torch's addition takes none above 65,504 in float16."""
    gradient = torch.zeros(shape, dtype=torch.float16)
    gradient[:4].view(-1)[:4] = 6e-8  # of the second one few rows move
    _, [e] = _moved([nn.Parameter(torch.zeros_like(gradient))], [gradient], rho=0.5)
    torch.testing.assert_close(e.float().norm(), torch.tensor(0.5), rtol=1e-3, atol=0)
    x, y = ({0: torch.full((2,), size, dtype=torch.float16)} for size in (0.0, 1e-4))
    torch.testing.assert_close(vectors.add(x, y, 1e5)[0].float(), torch.full((2,), 10.0))


def test_a_parameter_that_a_group_names_twice_moves_once() -> None:
    """Torch warns, and goes on."""
    p = nn.Parameter(torch.zeros(2))
    with pytest.warns(UserWarning, match="duplicate parameters"):
        base = torch.optim.SGD([p, p], lr=0.1)
    optimizer = sssam.SAM(base, rho=1.0, model=False)
    p.grad = torch.tensor([3.0, 4.0])
    assert optimizer.ascend()
    torch.testing.assert_close(p.detach(), torch.tensor([0.6, 0.8]))


BAD = [0.0, math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("several_radii", [False, True])
def test_zero_and_non_finite_gradients_move_nothing_and_are_counted(
    value: float, adaptive: bool, several_radii: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ratio in (vectors.ratio, vectors.on_device_ratio):  # what the host does, what a GPU does
        monkeypatch.setattr(metric, "ratio", ratio)
        params = _parameters((3,), (2,))
        grads = [torch.full((3,), value, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)]
        groups = [
            {"params": params[:1], **({"sssam_rho": 3.0} if several_radii else {})},
            {"params": params[1:]},
        ]
        optimizer, e = _moved(params, grads, rho=0.1, adaptive=adaptive, groups=groups)
        assert not torch.cat(e).any()
        assert optimizer.counters.voided == 1


def test_the_device_path_equals_the_host_path(monkeypatch: pytest.MonkeyPatch) -> None:
    params = _parameters((3, 4), (5,))
    grads = [torch.randn_like(p) for p in params]
    _, host = _moved(params, grads, rho=0.2)
    monkeypatch.setattr(metric, "ratio", vectors.on_device_ratio)
    optimizer, device = _moved(params, grads, rho=0.2)
    torch.testing.assert_close(host, device, rtol=1e-12, atol=0)
    assert optimizer.counters.voided == 0


def test_training_goes_on_after_a_non_finite_ascent() -> None:
    params = _parameters((3,))
    optimizer = sssam.SAM(torch.optim.SGD(params, lr=1.0), rho=0.1, model=False)
    before = params[0].detach().clone()
    params[0].grad = torch.full((3,), math.inf, dtype=torch.float64)
    assert optimizer.ascend()
    params[0].grad = torch.ones(3, dtype=torch.float64)
    optimizer.step()
    torch.testing.assert_close(params[0].detach(), before - 1)
    assert optimizer.counters.voided == 1


def test_no_host_synchronisation_off_the_host() -> None:
    """On the meta device any read of a value raises: the whole step must run without one."""
    params = [
        nn.Parameter(torch.zeros(3, device="meta")),
        nn.Parameter(torch.zeros(2, device="meta")),
    ]
    for build in (sssam.SAM, sssam.ASAM, sssam.LookSAM):
        optimizer = build(torch.optim.SGD(params, lr=0.1, momentum=0.9), model=False)
        for _ in range(6):
            for p in optimizer.passes(None):
                for q in params:
                    q.grad = torch.zeros_like(q)
                p.ran = True
            optimizer.step()
        assert optimizer.steps == 6
