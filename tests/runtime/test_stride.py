"""A learning rate that is no step length is noticed at the base's first update that tells."""

import inspect
import warnings
from typing import Any

import pytest
import torch
from torch import nn

import sssam

W = nn.Parameter


class Scaled(torch.optim.Optimizer):
    """lr is about 1, and the step's length is something else: AdamG, LARS, Adadelta in short."""

    def __init__(self, params: Any, scale: float, kind: str = "sign", waits: int = 0) -> None:
        super().__init__(params, {"lr": 1.0})
        self.scale, self.kind, self.waits = scale, kind, waits

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.waits -= 1
        if self.waits >= 0:
            return
        for p in self.param_groups[0]["params"]:
            if p.grad is not None:
                p.sub_(self.scale * (p.grad.sign() if self.kind == "sign" else p.grad))


def _train(base: Any, w: Any, kind: str = "WSAM", steps: int = 3, **more: Any) -> list[str]:
    optimizer = getattr(sssam, kind)(base, model=False, **more)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(steps):
            for p in optimizer.passes(torch.ones(2)):
                p.backward((w**2).sum() / 2)
            optimizer.step()
    return [str(each.message) for each in said]


@pytest.mark.parametrize("form", ["sign", "gradient"])
@pytest.mark.parametrize("kind", ["WSAM", "SAMPa"])
def test_a_step_that_is_far_shorter_than_lr_warns_once_with_the_remedy(
    kind: str, form: str
) -> None:
    w = W(torch.ones(3))
    said = _train(Scaled([w], 1 / 35, form), w, kind)
    assert len(said) == 1
    assert "base=Scaled went 0.029 times as far as its lr=1 says" in said[0]
    assert "about 35 times too long" in said[0]
    assert "Use SAM, or WSAM(decoupled=False)" in said[0]


@pytest.mark.parametrize(
    ("scale", "form"), [(1.0, "sign"), (1.0, "gradient"), (0.2, "sign"), (0.1, "gradient")]
)
def test_a_step_of_lr_s_length_by_either_convention_says_nothing(scale: float, form: str) -> None:
    w = W(torch.ones(3))
    assert _train(Scaled([w], scale, form), w) == []


def test_methods_that_leave_all_steps_to_the_base_say_nothing() -> None:
    w = W(torch.ones(3))
    base = Scaled([w], 1e-4)
    assert _train(base, w, "SAM") == _train(base, w, "WSAM", decoupled=False) == []


def test_it_waits_for_an_update_that_tells() -> None:
    w = W(torch.ones(3))
    assert len(_train(Scaled([w], 1e-3, waits=2), w, steps=4)) == 1
    base = Scaled([w], 1e-3)
    warm_up = torch.optim.lr_scheduler.LambdaLR(base, lambda t: float(t >= 2))
    base.register_step_post_hook(lambda *_: warm_up.step())
    assert _train(base, w, steps=2) == []
    warming = Scaled([w], 1e-3)
    warm_up = torch.optim.lr_scheduler.LambdaLR(warming, lambda t: float(t >= 2))
    warming.register_step_post_hook(lambda *_: warm_up.step())
    assert len(_train(warming, w, steps=4)) == 1


def test_a_composition_is_looked_at_as_well() -> None:
    w = W(torch.ones(3))
    roles = sssam.roles
    method = sssam.methods.Ascent(roles.Fresh(), roles.Euclidean(0.1), roles.Corrected(1.0))
    half = sssam.methods.Switch(roles.Every(2), method)
    optimizer = sssam.SharpnessAware(Scaled([w], 1e-3), half, model=False)
    (w**2).sum().backward()
    optimizer.ascend()
    (w**2).sum().backward()
    with pytest.warns(UserWarning, match="lr is no step length"):
        optimizer.step()
    none = Scaled([w], 1e-3)
    none.param_groups[0]["lr"] = None
    with pytest.raises(ValueError, match="has lr=None"):
        sssam.SharpnessAware(none, half, model=False)


TORCH_S = [
    kind
    for _, kind in inspect.getmembers(torch.optim, inspect.isclass)
    if issubclass(kind, torch.optim.Optimizer)
    and kind.__name__ not in ("Optimizer", "LBFGS", "SparseAdam")
]


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e4])
@pytest.mark.parametrize("kind", TORCH_S, ids=lambda kind: kind.__name__)
def test_of_torch_s_own_adadelta_alone_has_an_lr_that_is_none(kind: Any, size: float) -> None:
    torch.manual_seed(0)
    w = W(torch.randn(8, 8) * 0.05)
    optimizer = sssam.WSAM(kind([w]), model=False)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for p in optimizer.passes(torch.randn(8, 8)):
            p.backward((w * p.batch * size).sum() + (w**2).sum() * size)
        optimizer.step()
    wrong = kind is torch.optim.Adadelta and size >= 1
    assert len([each for each in said if "no step length" in str(each.message)]) == wrong
