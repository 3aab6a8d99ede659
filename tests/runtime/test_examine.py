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


METHODS = ["SAM", "ASAM", "LookSAM", "MSAM", "WSAM", "USAM", "GSAM", "FriendlySAM", "SAMPa"]


@pytest.mark.parametrize("kind", METHODS)
def test_a_rho_put_into_a_group_later_is_refused_at_the_next_step(kind: str) -> None:
    """Whatever the draw: no update is made, and the weights are at w."""
    w = W(torch.ones(3))
    more = {"lr_max": 0.1} if kind == "GSAM" else {}
    base = torch.optim.SGD([w], lr=0.1, momentum=0.9)
    optimizer = getattr(sssam, kind)(base, model=False, **more)

    def step() -> None:
        for p in optimizer.passes(torch.ones(2)):
            p.backward((w**3).sum())
        optimizer.step()

    step()
    before = w.detach().clone()
    optimizer.param_groups[0]["rho"] = 0.2
    for _ in range(2):
        with pytest.raises(ValueError, match=r"rho=0\.2, which nobody reads.*'sssam_rho'"):
            step()
        assert torch.equal(w, before)
    assert optimizer.steps == 1
    optimizer.param_groups[0]["sssam_rho"] = optimizer.param_groups[0].pop("rho")
    step()
    assert optimizer.steps == 2


def test_on_a_plain_step_too() -> None:
    w = W(torch.ones(3))
    never = sssam.schedules.constant(0)
    base = torch.optim.SGD([w], lr=0.1)
    optimizer = sssam.SSSAM(base, schedule=never, total_steps=9, model=False)
    base.param_groups[0]["rho"] = 0.2
    with pytest.raises(ValueError, match="which nobody reads"):
        optimizer.step(lambda: (w**2).sum().backward() or 1.0)
    assert torch.equal(w, torch.ones(3))


class Around(torch.optim.Optimizer):
    """A wrapper without defaults of its own, whose inner optimizer has a rho."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self.inner = inner
        super().__init__(inner.param_groups, {})
        self.param_groups = inner.param_groups

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.inner.step()


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_rho_of_the_base_s_own_can_be_set_at_any_time(wrapped: bool) -> None:
    w = W(torch.ones(3))
    base: Any = torch.optim.Adadelta([w], lr=0.1)
    optimizer = sssam.SAM(Around(base) if wrapped else base, model=False)
    for rho in (0.9, 0.5):
        base.param_groups[0]["rho"] = rho
        _two_lines_at_w(optimizer, w)
    assert optimizer.steps == 2


def _two_lines_at_w(optimizer: Any, w: Tensor) -> None:
    (w**2).sum().backward()
    optimizer.ascend()
    (w**2).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_an_argument_that_is_set_on_a_built_optimizer_is_refused() -> None:
    w = W(torch.ones(3))
    base = torch.optim.SGD([w], lr=0.1)
    optimizer: Any = sssam.SAM(base, model=False)
    with pytest.raises(AttributeError, match=r'(?s)rho=0\.2 .*group\["sssam_rho"\] = 0\.2'):
        optimizer.rho = 0.2
    with pytest.raises(AttributeError, match=r"(?s)mix=0\.5 .*SAM\(\.\.\., mix=\.\.\.\)"):
        optimizer.mix = 0.5
    optimizer.note = "one's own"
    assert optimizer.note == "one's own"

    class Mine(sssam.SAM):
        def __init__(self, base: Any, rho: float) -> None:
            super().__init__(base, rho=rho, model=False)
            self.rho = rho

    assert Mine(base, 0.3).rho == 0.3
