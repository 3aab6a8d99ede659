"""Nothing is left changed: weights, buffers, flags, gradients, generators, whatever is raised."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from sssam.sharpness import (
    Hessian,
    average_case_rise,
    loss_curve,
    loss_line,
    loss_surface,
    worst_case_rise,
)
from tests.sharpness.nets import batches, conv, each, mlp, snapshot

FEW = [0.0, 1.0]


ENDS = [{f"0.{key}": part for key, part in conv().state_dict().items()} for _ in range(2)]


def line(model: nn.Module, loss: Any, given: Any, **more: Any) -> object:
    return loss_line(model, loss, given, *ENDS, x=FEW, **more)


OPERATIONS: dict[str, Callable[..., object]] = {
    "eigenvalues": lambda *given, **more: Hessian(*given, **more).top_eigenvalues(2),
    "trace": lambda *given, **more: Hessian(*given, **more).trace(3),
    "worst": partial(worst_case_rise, rho=0.1, steps=2, restarts=1),
    "adaptive": partial(worst_case_rise, rho=0.1, adaptive=True),
    "average": partial(average_case_rise, rho=0.1, draws=2),
    "curve": partial(loss_curve, x=FEW),
    "surface": partial(loss_surface, x=FEW, y=FEW),
    "line": line,
    "line, statistics": partial(line, statistics=batches()),
}


class Noisy(nn.Module):
    """Dropout, and draws from Python's and NumPy's generators."""

    def forward(self, x: Tensor) -> Tensor:
        scale = 1 + random.random() + float(np.random.rand())
        return nn.functional.dropout(x, 0.2, self.training) * scale


def net() -> nn.Module:
    """In training mode but for its batch norm, with gradients, and with noise of every kind."""
    model = nn.Sequential(conv(), Noisy()).train()
    model[0][1].eval()
    cross_entropy(model(batches()[0][0]), batches()[0][1]).backward()
    return model


class Failing:
    """A loss that raises at its n-th call."""

    def __init__(self, n: int, error: BaseException) -> None:
        self.left, self.error = n, error

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        self.left -= 1
        if self.left < 0:
            raise self.error
        return each(outputs, targets)


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_measurement_leaves_nothing(operation: str, mode: str) -> None:
    model = net()
    before = snapshot(model)
    OPERATIONS[operation](model, each, batches(), mode=mode)
    assert snapshot(model) == before


@pytest.mark.parametrize("error", [ValueError("mid-way"), KeyboardInterrupt("mid-way")])
@pytest.mark.parametrize("n", [0, 1, 4, 5])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_loss_that_raises_leaves_nothing(operation: str, n: int, error: BaseException) -> None:
    model = net()
    before = snapshot(model)
    with pytest.raises(type(error), match="mid-way"):
        OPERATIONS[operation](model, Failing(n, error), batches(), mode="train")
    assert snapshot(model) == before


@pytest.mark.parametrize("operation", ["line, statistics", "worst"])
def test_batches_that_raise_leave_nothing(operation: str) -> None:
    class Torn(list):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            yield from batches()[:2]
            raise OSError("torn")

    model = net()
    before = snapshot(model)
    more = {"statistics": Torn()} if operation != "worst" else {}
    with pytest.raises(OSError, match="torn"):
        OPERATIONS[operation](model, each, batches() if more else Torn(), **more)
    assert snapshot(model) == before


@pytest.mark.parametrize("own", [False, True])
def test_a_shuffled_loader_draws_the_same_at_every_walk(own: bool) -> None:
    x, y = (torch.cat(parts) for parts in zip(*batches(), strict=True))
    generator = torch.Generator().manual_seed(5) if own else None
    loader = DataLoader(TensorDataset(x, y), 4, shuffle=True, generator=generator)
    model = net()
    before = snapshot(model), generator and generator.get_state().tolist()
    hessian = Hessian(model, each, loader, mode="train")
    v = [torch.ones_like(p) for p in hessian.params]
    one, other = hessian.product(v), hessian.product(v)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert (snapshot(model), generator and generator.get_state().tolist()) == before


def test_in_training_mode_products_are_of_one_symmetric_matrix() -> None:
    hessian = Hessian(net(), each, batches(), mode="train")
    u, v = ([torch.randn_like(p) for p in hessian.params] for _ in range(2))
    products = [
        sum((a * b).sum() for a, b in zip(one, hessian.product(other), strict=True))
        for one, other in ((u, v), (v, u))
    ]
    torch.testing.assert_close(*products)


def test_a_mean_and_one_loss_a_sample_say_the_same() -> None:
    model = conv()
    for measure in (OPERATIONS["trace"], OPERATIONS["worst"], OPERATIONS["curve"]):
        by_mean, by_sample = (measure(model, loss, batches()) for loss in (cross_entropy, each))
        numbers = [flattened(found) for found in (by_mean, by_sample)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-9)


def flattened(found: Any) -> list[float]:
    values = [getattr(found, name) for name in found.__dataclass_fields__]
    return [
        number
        for value in values
        if value is not None
        for number in (value.tolist() if isinstance(value, Tensor) else [value])
    ]


@pytest.mark.parametrize(
    ("given", "loss", "error", "text"),
    [
        (iter(batches()), each, TypeError, r"batches is an iterator.*list\(batches\)"),
        (7, each, TypeError, "batches must be a list or a DataLoader, not int"),
        ([], each, ValueError, "batches is empty"),
        ([torch.ones(2, 1, 4, 4)], each, TypeError, r"batches must give \(inputs, targets\)"),
        (batches(), lambda o, t: o, TypeError, r"loss must return .*, not shape \(7, 3\)"),
        (batches(), lambda o, t: 1.0, TypeError, "loss must return a scalar tensor .*, not 1.0"),
        (
            batches(),
            lambda o, t: each(o.detach(), t),
            ValueError,
            "the loss does not depend on params: it was detached",
        ),
    ],
)
def test_bad_batches_and_losses_are_named(
    given: Any, loss: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        Hessian(mlp(), loss, given).trace(2)


class Summed(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x).square().sum()


def test_a_mean_over_samples_that_cannot_be_counted_is_refused() -> None:
    uncounted = [(batches()[0][0], None)]
    with pytest.raises(ValueError, match="no samples were found in a batch: let loss return"):
        worst_case_rise(Summed(mlp()), lambda outputs, _: outputs, uncounted, 0.1)


def test_parameters_that_are_none_or_foreign_are_refused() -> None:
    model, other = mlp(), mlp()
    with pytest.raises(ValueError, match="no parameters of the model"):
        Hessian(model, each, batches(), other.parameters())
    with pytest.raises(ValueError, match="params is empty"):
        Hessian(model, each, batches(), [])
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module"):
        Hessian(lambda x: x, each, batches())
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="params is empty: give parameters that need gradients"):
        Hessian(model, each, batches())
    with pytest.raises(ValueError, match=r"need no gradients: call requires_grad_\(\)"):
        Hessian(model, each, batches(), model.parameters())
