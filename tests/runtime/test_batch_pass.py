"""A pass over a part of the batch: two samples at least where batch norm needs them."""

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import nn

import sssam
from sssam.core.passes import Pass
from sssam.runtime.batch_pass import BatchPass
from tests.runtime.forms import contents


def _normed() -> nn.Module:
    return nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3))


def _scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(_normed())


MODELS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "no batch norm": (lambda: nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 3)), 1),
    "batch norm": (_normed, 2),
    "scripted": (_scripted, 2),
    "evaluating": (lambda: _normed().eval(), 1),
}


@pytest.mark.parametrize(("make", "k"), MODELS.values(), ids=MODELS)
def test_a_part_has_as_many_samples_as_batch_norm_needs_and_costs_as_much(
    make: Callable[[], nn.Module], k: int
) -> None:
    model = make()
    optimizer = sssam.SAM(
        torch.optim.SGD(model.parameters(), lr=0.1), ascent_fraction=1 / 8, model=model
    )
    sizes = []
    for n in (64, 8, 1):  # the last batch of an epoch
        x = torch.randn(n, 4)
        if n == 1:
            model.eval()
        for p in optimizer.passes(x):
            p.backward(model(p.batch).square().mean())
            sizes.append((len(p.batch), p.fraction))
        optimizer.step()
    whole = [(64, 1.0), (8, 1.0), (1, 1.0)]
    part = [(8, 1 / 8), (k, k / 8), (1, 1.0)]
    assert sizes == [size for pair in zip(part, whole, strict=True) for size in pair]
    assert optimizer.propagations == pytest.approx((3 + 1 / 8 + k / 8 + 1) / 3)


def test_chosen_samples_that_are_too_few_for_batch_norm_are_refused() -> None:
    wanted = Pass("descent", samples=torch.tensor([3]))
    with pytest.raises(ValueError, match=r"descent pass takes 1 of 8 .*batch norm.*drop_last=True"):
        BatchPass(wanted, torch.randn(8, 4), lambda loss: None, _normed())
    p = BatchPass(wanted, torch.randn(8, 4), lambda loss: None, nn.Linear(4, 3))
    assert (len(p.batch), p.fraction) == (1, 1 / 8)


def test_a_list_of_images_is_cut_along_samples() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.LazyLinear(1))
    images = [torch.randn(3, 8, 8) for _ in range(8)]
    model(torch.stack(images))
    optimizer = sssam.SAM(
        torch.optim.SGD(model.parameters(), lr=0.0), ascent_fraction=0.25, model=model
    )
    twin_before = contents(model)
    sizes = []
    for p in optimizer.passes((images, torch.ones(8, 1))):
        sizes.append((len(p.x), len(p.y), p.x[0].shape))
        p.backward((model(torch.stack(p.x)) - p.y).square().mean())
    optimizer.step()
    assert sizes == [(2, 2, (3, 8, 8)), (8, 8, (3, 8, 8))]
    assert contents(model) != twin_before
    assert model[1].num_batches_tracked == 2


@pytest.mark.parametrize("batch", [torch.ones(3, 2), {"x": torch.ones(3)}, "text"])
def test_x_and_y_are_of_pairs_alone(batch: object) -> None:
    """A tensor's first element would be its first sample."""
    current = BatchPass(Pass("plain"), batch, lambda loss: None)
    for name in ("x", "y"):
        said = rf"p\.{name} .* this one is a {type(batch).__name__}; read p\.batch"
        with pytest.raises(TypeError, match=said):
            getattr(current, name)
