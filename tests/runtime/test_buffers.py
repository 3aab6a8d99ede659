"""Whatever a forward pass does to buffers, each step leaves what a plain step would leave."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import sssam
from tests.runtime.forms import PART, WHOLE, Form, contents, plain


class Odd(nn.Module):
    """A linear layer, and a buffer `b` to which each forward pass does something."""

    def __init__(self, buffer: Tensor | None, move: Callable[["Odd"], object]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(4, 3)
        self.register_buffer("b", buffer, persistent=buffer is not None)
        self.move = move

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.move(self)
        return self.linear(x)


def _replaced(m: Odd) -> None:
    m.b = m.b + 1


def _rebound(m: Odd) -> None:
    m.b.data = m.b.data + 1


def _other_type(m: Odd) -> None:
    m.b.data = m.b.data.double() + 1


def _made(m: Odd) -> None:
    m.b = torch.ones(2) if m.b is None else m.b + 1


def _flips(m: Odd) -> None:
    m.b = torch.ones(2) if m.b is None else None


def _added(m: Odd) -> None:
    m.register_buffer(f"more{len(m._buffers)}", torch.ones(2), persistent=False)


def _removed(m: Odd) -> None:
    if "b" in m._buffers:
        del m.b
    else:
        m.register_buffer("b", torch.ones(2))


def _freed(m: Odd) -> None:
    kept = m.b.clone()
    m.b.untyped_storage().resize_(0)
    m.b.data = kept + 1


def _inference(shape: int) -> Tensor:
    with torch.inference_mode():
        return torch.ones(shape)


def _batch_normed(m: Odd) -> None:
    nn.functional.batch_norm(torch.randn(5, 3), m.b, torch.ones(3), training=True)


def _nested(layout: torch.layout) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a prototype of torch's
        return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=layout)


def _quantised() -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated by torch
        return torch.quantize_per_tensor(torch.zeros(3), 0.5, 0, torch.qint8)


def _compressed() -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in beta state
        return torch.eye(3).to_sparse_csr()


Case = tuple[Callable[[], Tensor | None], Callable[[Odd], object]]
CASES: dict[str, Case] = {
    "written": (lambda: torch.zeros(3), lambda m: m.b.add_(1)),
    "a number": (lambda: torch.zeros((), dtype=torch.int64), lambda m: m.b.add_(1)),
    "written without a trace": (lambda: torch.zeros(3), lambda m: m.b.data.add_(1)),
    "written by numpy": (lambda: torch.zeros(3), lambda m: np.add(m.b.numpy(), 1, m.b.numpy())),
    "by batch norm": (lambda: torch.zeros(3), _batch_normed),
    "signs": (lambda: torch.zeros(3), lambda m: m.b.neg_()),
    "NaN": (lambda: torch.full((3,), torch.nan), lambda m: m.b[:1].nan_to_num_(1).add_(1)),
    "replaced": (lambda: torch.zeros(3), _replaced),
    "data": (lambda: torch.zeros(3), _rebound),
    "another type": (lambda: torch.zeros(3), _other_type),
    "set_": (lambda: torch.zeros(3), lambda m: m.b.set_(m.b + 1)),
    "resize_": (lambda: torch.zeros(1), lambda m: m.b.resize_(len(m.b) + 1).fill_(len(m.b))),
    "resize_ from nothing": (lambda: torch.zeros(0), lambda m: m.b.resize_(len(m.b) + 1).fill_(1)),
    "freed": (lambda: torch.zeros(3), _freed),
    "made": (lambda: None, _made),
    "made and undone": (lambda: None, _flips),
    "added": (lambda: torch.zeros(3), _added),
    "removed": (lambda: torch.zeros(3), _removed),
    "expanded": (lambda: torch.zeros(1).expand(3), lambda m: m.b.data[:1].add_(1)),
    "overlapping": (lambda: torch.zeros(5).unfold(0, 3, 1), lambda m: m.b[0].add_(1)),
    "a part of a table": (lambda: torch.zeros(7)[1:4], lambda m: m.b.add_(1)),
    "transposed": (lambda: torch.zeros(2, 3).t(), lambda m: m.b.add_(1)),
    "complex": (lambda: torch.ones(3, dtype=torch.complex64).conj(), lambda m: m.b.mul_(2j)),
    "half precision": (lambda: torch.zeros(3).bfloat16(), lambda m: m.b.add_(1)),
    "flags": (lambda: torch.zeros(3, dtype=torch.bool), lambda m: m.b.logical_not_()),
    "inference mode": (lambda: _inference(3), _batch_normed),
    "sparse": (
        lambda: torch.eye(3).to_sparse(),
        lambda m: m.b.add_(torch.ones(3, 3).to_sparse()),
    ),
    "sparse, values": (lambda: torch.eye(3).to_sparse(), lambda m: m.b.mul_(2)),
    "compressed": (_compressed, lambda m: m.b.values().mul_(2)),
    "nested": (lambda: _nested(torch.strided), lambda m: m.b.mul_(2)),
    "jagged": (lambda: _nested(torch.jagged), lambda m: m.b.mul_(2)),
    "quantised": (_quantised, lambda m: m.b.copy_(m.b.dequantize() + 0.5)),
    "meta": (lambda: torch.zeros(3, device="meta"), lambda m: m.b.add_(1)),
}


def _trained(model: nn.Module, form: Form, **options: Any) -> None:
    base = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.0)
    optimizer = sssam.SAM(base, rho=0.5, model=model, **options)
    for t in range(3):
        torch.manual_seed(t)
        form(model, optimizer, torch.randn(8, 4))


def _plainly(model: nn.Module) -> None:
    for t in range(3):
        torch.manual_seed(t)
        plain(model, torch.randn(8, 4))


@pytest.mark.parametrize("form", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_buffers_end_as_after_plain_steps(case: Case, form: Form) -> None:
    make, move = case
    model, twin = Odd(make(), move), Odd(make(), move)
    _plainly(twin)
    _trained(model, form)
    assert contents(model) == contents(twin)
    assert model.state_dict().keys() == twin.state_dict().keys()


@pytest.mark.parametrize("form", PART.values(), ids=PART)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_first_pass_over_a_part_leaves_nothing(case: Case, form: Form) -> None:
    make, move = case
    model, twin = Odd(make(), move), Odd(make(), move)
    _plainly(twin)
    _trained(model, form, ascent_fraction=0.5)
    assert contents(model) == contents(twin)
    assert model.state_dict().keys() == twin.state_dict().keys()
