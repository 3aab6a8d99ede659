"""Frozen parameters that a forward pass moves: key encoders end as after a plain step."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sssam
from tests.runtime.forms import PART, WHOLE, Form, contents, passes, plain


def _lerp(k: Tensor, q: Tensor) -> None:
    k.lerp_(q, 0.1)


def _replaced_data(k: Tensor, q: Tensor) -> None:
    k.data = k.data * 0.9 + q.data * 0.1


def _without_a_trace(k: Tensor, q: Tensor) -> None:
    k.data.mul_(0.9).add_(q.data, alpha=0.1)


def _counted(k: Tensor, q: Tensor) -> None:
    k.data.add_(1)  # rests on no weight: equal after a first pass over a part of the batch, too


AVERAGES = {"lerp_": _lerp, "data =": _replaced_data, "data.mul_": _without_a_trace}


class Momentum(nn.Module):
    """An encoder, and a frozen copy that each forward pass moves towards it."""

    def __init__(self, average: Callable[[Tensor, Tensor], None], large: int = 0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.q, self.k = nn.Linear(4, 3), nn.Linear(4, 3).requires_grad_(False)
        self.backbone = nn.Linear(4, large).requires_grad_(False) if large else None
        self.average = average

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            for k, q in zip(self.k.parameters(), self.q.parameters(), strict=True):
                self.average(k, q)
        y: Tensor = self.q(x) - self.k(x)
        return y


def _optimizer(model: Momentum, **options: Any) -> Any:
    base = torch.optim.SGD(model.q.parameters(), lr=0.0)
    return sssam.SAM(base, rho=0.5, model=model, **options)


def _plainly(model: nn.Module, steps: int = 3) -> dict[str, Any]:
    for t in range(steps):
        torch.manual_seed(t)
        plain(model, torch.randn(8, 4))
    return contents(model)


@pytest.mark.parametrize("form", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("average", AVERAGES.values(), ids=AVERAGES)
def test_a_key_encoder_ends_as_after_plain_steps(
    average: Callable[[Tensor, Tensor], None], form: Form
) -> None:
    model = Momentum(average)
    optimizer = _optimizer(model)
    addresses = [p.data_ptr() for p in model.k.parameters()]
    for t in range(3):
        torch.manual_seed(t)
        form(model, optimizer, torch.randn(8, 4))
    assert contents(model) == _plainly(Momentum(average))
    if average is not _replaced_data:
        assert [p.data_ptr() for p in model.k.parameters()] == addresses


@pytest.mark.parametrize("form", PART.values(), ids=PART)
def test_a_first_pass_over_a_part_leaves_nothing(form: Form) -> None:
    model = Momentum(_counted)
    optimizer = _optimizer(model, ascent_fraction=0.5)
    for t in range(3):
        torch.manual_seed(t)
        form(model, optimizer, torch.randn(8, 4))
    assert contents(model) == _plainly(Momentum(_counted))


@pytest.mark.parametrize("form", WHOLE.values(), ids=WHOLE)
def test_beside_a_large_frozen_network_only_what_moves_is_copied(form: Form) -> None:
    model = Momentum(_lerp, large=100)
    optimizer = _optimizer(model)
    copied: list[set[str]] = []
    frozen = optimizer._training.guard._frozen
    note = frozen.note

    def noted(*args: Any) -> Any:
        copies = note(*args)
        copied.append({each.name for each in copies})
        return copies

    frozen.note = noted
    for t in range(3):
        torch.manual_seed(t)
        form(model, optimizer, torch.randn(8, 4))
    assert copied == [{"k.weight", "k.bias"}] * 3
    assert contents(model) == _plainly(Momentum(_lerp, large=100))


@pytest.mark.parametrize("form", PART.values(), ids=PART)
def test_what_moves_before_it_is_known_and_can_not_be_put_back_is_named(form: Form) -> None:
    model = Momentum(_lerp, large=100)
    optimizer = _optimizer(model, ascent_fraction=0.5)
    w = [p.detach().clone() for p in model.q.parameters()]
    with pytest.raises(RuntimeError, match=r"'k\.weight'.*first step.*register_buffer"):
        form(model, optimizer, torch.randn(8, 4))
    assert all(map(torch.equal, w, model.q.parameters()))
    optimizer.zero_grad()
    before = [p.clone() for p in model.k.parameters()]
    form(model, optimizer, torch.randn(8, 4))  # known by now
    assert optimizer.steps == 1
    assert not any(map(torch.equal, before, model.k.parameters()))


def test_what_the_loop_moves_is_not_put_back() -> None:
    """Averages of the weights that the loop takes after each step, as teachers are."""
    model, twin = (Momentum(lambda k, q: None) for _ in range(2))
    optimizer = _optimizer(model)
    for t in range(3):
        torch.manual_seed(t)
        x = torch.randn(8, 4)
        passes(model, optimizer, x)
        plain(twin, x)
        for each in (model, twin):
            for p in each.k.parameters():
                p.add_(1)
    assert contents(model) == contents(twin)


def test_a_copied_optimizer_guards_its_own_model() -> None:
    model = Momentum(_lerp)
    optimizer = _optimizer(model)
    torch.manual_seed(0)
    passes(model, optimizer, torch.randn(8, 4))
    other, copied = copy.deepcopy((model, optimizer))
    torch.manual_seed(1)
    passes(other, copied, torch.randn(8, 4))
    assert contents(other) == _plainly(Momentum(_lerp), 2)
    assert contents(model) == _plainly(Momentum(_lerp), 1)


def test_a_frozen_view_of_a_trained_weight_follows_it() -> None:
    model = Momentum(lambda k, q: None, large=100)
    model.k.weight = nn.Parameter(model.q.weight.detach(), requires_grad=False)
    optimizer = _optimizer(model)
    w = model.q.weight.detach().clone()
    for form in WHOLE.values():
        form(model, optimizer, torch.randn(8, 4))
        assert torch.equal(model.k.weight, w)
        assert torch.equal(model.q.weight, w)
