"""Bases by foreign conventions: served to the digit, or refused by name when they are wrapped."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sssam

W = nn.Parameter


class Closing(torch.optim.SGD):
    """A base that can't step without a closure."""

    def step(self, closure: Any) -> None:  # type: ignore[override]
        closure()


class Perturbing(torch.optim.SGD):
    """Another SAM."""

    def first_step(self) -> None: ...

    def second_step(self) -> None: ...


class Hollow(torch.optim.SGD):
    """A wrapper that shows no groups."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.param_groups


class Prepared(torch.optim.SGD):
    """As Accelerate's proxy: some of its steps are none."""

    scaler: Any = None
    gradient_state = SimpleNamespace(num_steps=1)
    step_was_skipped = False


class Scaled(Prepared):
    scaler = object()


class Accumulating(Prepared):
    gradient_state = SimpleNamespace(num_steps=2)


class Adagrad8bit(torch.optim.SGD):
    """As in bitsandbytes: betas in its groups, squares in its state."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.param_groups[0]["betas"] = (0.9, 0.99)


class Quantized(torch.optim.Optimizer):
    """Keeps the momentum of large parameters in 8 bits, of small ones as it is."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, {"lr": 0.1, "betas": (0.9, 0.99)})

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for p in self.param_groups[0]["params"]:
            kind = torch.uint8 if p.numel() > 4 else p.dtype
            self.state[p]["state1"] = torch.ones_like(p, dtype=kind)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Closing, "Closing can't step without a closure.*another first-order"),
        (Perturbing, "Perturbing perturbs the weights itself; wrap the optimizer inside"),
        (Hollow, "Hollow has no list param_groups; wrap the optimizer inside"),
        (Scaled, r"Scaled was prepared by Accelerate.*accelerator\.prepare\(sssam\.SAM\(base"),
        (Accumulating, r"Accumulating was prepared.*accelerator\.prepare\(sssam\.SAM\(base"),
    ],
)
def test_what_can_t_be_a_base_is_refused_when_it_is_wrapped(kind: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        sssam.SAM(kind([W(torch.ones(3))], lr=0.1), model=False)


def test_a_base_that_accelerate_prepared_without_skips_is_served() -> None:
    ends = []
    for kind in (Prepared, torch.optim.SGD):
        w = W(torch.ones(3))
        optimizer = sssam.SAM(kind([w], lr=0.1), model=False)
        for p in optimizer.passes(torch.ones(2)):
            p.backward((w**3).sum())
        optimizer.step()
        ends.append(w.detach())
    assert torch.equal(*ends)


def test_a_rho_in_a_group_that_nobody_reads_is_refused() -> None:
    w, v = W(torch.ones(3)), W(torch.ones(3))
    group = {"params": [v], "rho": 2.0}
    with pytest.raises(ValueError, match=r"rho=2\.0, which nobody reads.*sssam_rho"):
        sssam.SAM(torch.optim.SGD([group], lr=0.1), model=False)
    optimizer = sssam.SAM(torch.optim.SGD([w], lr=0.1), model=False)
    with pytest.raises(ValueError, match=r"rho=2\.0, which nobody reads.*sssam_rho"):
        optimizer.add_param_group(group)
    assert len(optimizer.param_groups) == 1


def test_squares_of_gradients_are_no_momentum() -> None:
    with pytest.raises(ValueError, match=r"Adagrad8bit keeps squares.*momentum=0\.9"):
        sssam.MSAM(Adagrad8bit([W(torch.ones(3))], lr=0.1), model=False)


def test_momentum_that_is_found_for_some_parameters_alone_is_refused() -> None:
    small, large = W(torch.ones(3)), W(torch.ones(8))
    optimizer = sssam.MSAM(Quantized([small, large]), rho=0.5, model=False)
    _two_lines(optimizer, small, large)
    with pytest.raises(RuntimeError, match=r"keeps state1 of a parameter of shape \(8,\).*Use SAM"):
        optimizer.ascend()
    assert torch.equal(small, torch.ones(3))


def test_momentum_of_less_precision_makes_the_whole_radius() -> None:
    w = W(torch.ones(5))
    optimizer = sssam.MSAM(torch.optim.AdamW([w]), rho=0.5, model=False)
    _two_lines(optimizer, w)
    optimizer.state[w]["exp_avg"] = torch.linspace(0.1, 1.3, 5, dtype=torch.bfloat16)
    before = w.detach().clone()
    optimizer.ascend()
    assert (w.detach() - before).norm().item() == pytest.approx(0.5, rel=1e-5)


def _two_lines(optimizer: Any, *params: Tensor) -> None:
    optimizer.ascend()
    torch.stack([(p**2).sum() for p in params]).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_a_plain_step_needs_no_learning_rate() -> None:
    """Adafactor's lr may be None; a step of all zeros is known by an lr that is 0."""
    w = W(torch.ones(3))
    base = torch.optim.SGD([w], lr=0.1)
    base.step = lambda *_: None  # type: ignore[method-assign]
    base.param_groups[0]["lr"] = None
    optimizer = sssam.SAM(base, model=False)
    (w**2).sum().backward()
    with pytest.raises(RuntimeError, match="ascend"):
        optimizer.step()


@pytest.mark.parametrize("name", ["grad_sample", "main_grad"])
@pytest.mark.parametrize("kind", ["SAM", "LookSAM"])
def test_gradients_kept_beside_grad_are_refused_by_name(kind: str, name: str) -> None:
    w: Any = W(torch.ones(3))
    optimizer = getattr(sssam, kind)(torch.optim.SGD([w], lr=0.1), model=False)
    setattr(w, name, torch.zeros(2, 3))
    (w**2).sum().backward()
    with pytest.raises(RuntimeError, match=rf"its gradient in \.{name}.*train without it"):
        optimizer.ascend()
    assert torch.equal(w, torch.ones(3))
