"""Base optimizers by other people's conventions: none of them goes silently wrong."""

import io
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR

import sssam

W = nn.Parameter


def _step(optimizer: Any, *params: Tensor) -> None:
    for p in optimizer.passes(torch.ones(2)):
        p.backward(sum((w**2).sum() for w in params))
    optimizer.step()


class Averaging(torch.optim.Optimizer):
    """A base that keeps its momentum under another name."""

    def __init__(self, params: Any, name: str = "state1", dtype: Any = None) -> None:
        super().__init__(params, {"lr": 0.1, "betas": (0.9, 0.99)})
        self.name, self.dtype = name, dtype

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for p in self.param_groups[0]["params"]:
            v = self.state[p].setdefault(self.name, torch.zeros_like(p, dtype=self.dtype))
            if self.dtype is None:
                v.lerp_(p.grad, 0.1)
            p.sub_(0.1 * p.grad)


class Wrapping(torch.optim.Optimizer):
    """A base around another, with a state dict of its own form."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self.inner, self.count = inner, 0
        super().__init__(inner.param_groups, {})
        self.param_groups, self.state = inner.param_groups, inner.state

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.inner.step()
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "inner": self.inner.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.count = state_dict["count"]
        self.inner.load_state_dict(state_dict["inner"])


class Counting(torch.optim.SGD):
    """A base whose state dict has a third key."""

    count = 0

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        super().step()
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "count": self.count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.count = state_dict["count"]


def test_a_rho_of_the_base_s_own_is_no_radius() -> None:
    w = W(torch.ones(4))
    optimizer = sssam.SAM(torch.optim.Adadelta([w]), rho=0.05, model=False)
    (w**2).sum().backward()
    optimizer.ascend()
    assert (w.detach() - 1).norm().item() == pytest.approx(0.05)


def test_a_rho_that_another_sam_s_checkpoint_brings_is_ignored_with_a_word() -> None:
    w = W(torch.ones(4))
    saved = torch.optim.SGD([w], lr=0.1).state_dict()
    saved["param_groups"][0] |= {"rho": 2.0, "adaptive": False}
    optimizer = sssam.SAM(torch.optim.SGD([w], lr=0.1), rho=0.05, model=False)
    with pytest.warns(UserWarning, match=r"rho.: 2.0.*of another SAM: ignored.*sssam_rho"):
        optimizer.load_state_dict(saved)
    (w**2).sum().backward()
    optimizer.ascend()
    assert (w.detach() - 1).norm().item() == pytest.approx(0.05)


def test_momentum_under_another_name_is_found() -> None:
    w = W(torch.ones(4))
    optimizer = sssam.MSAM(Averaging([w]), rho=0.5, model=False)
    _step(optimizer, w)
    optimizer.zero_grad()
    before = w.detach().clone()
    optimizer.ascend()
    assert (w.detach() - before).norm().item() == pytest.approx(0.5)


@pytest.mark.parametrize(("name", "dtype"), [("z", None), ("state1", torch.uint8)])
def test_momentum_that_is_not_found_is_an_error(name: str, dtype: Any) -> None:
    w = W(torch.ones(4))
    said = rf"keeps {name}.*momentum_buffer, exp_avg.*Use SAM"
    with pytest.raises(ValueError, match=said):
        sssam.MSAM(Averaging([w], name, dtype), rho=0.5, model=False)
    base: Any = Averaging([w], name, dtype)
    base.of_its_own = object()  # so that it can't be tried beforehand
    optimizer = sssam.MSAM(base, rho=0.5, model=False)
    _step(optimizer, w)
    with pytest.raises(RuntimeError, match=said):
        _step(optimizer, w)


@pytest.mark.parametrize("kind", ["WSAM", "SAMPa"])
def test_a_distance_that_the_base_estimates_is_part_of_the_step_s_length(kind: str) -> None:
    """As in Prodigy and D-Adaptation, where lr is 1 and an update goes lr d."""
    moved = []
    for lr, more in ((1.0, {"d": 1e-3}), (1e-3, {})):
        w = W(torch.ones(3, dtype=torch.float64))
        base = torch.optim.SGD([{"params": [w], "lr": lr, **more}])
        optimizer = getattr(sssam, kind)(base, rho=0.1, model=False)
        for group in base.param_groups:  # the base's own update does not move
            group["weight_decay"] = 0.0
        for p in optimizer.passes(torch.ones(2)):
            p.backward((w**3).sum())
        e = torch.zeros_like(w) if w.grad is None else w.grad.clone()
        optimizer.step()
        moved.append(w.detach() + lr * e)
    torch.testing.assert_close(*moved)


@pytest.mark.parametrize("more", [{"lr": None}, {"lr": 0.1, "relative_step": True}])
@pytest.mark.parametrize("kind", ["WSAM", "SAMPa"])
def test_a_learning_rate_that_is_no_length_is_refused(kind: str, more: dict[str, Any]) -> None:
    base = torch.optim.SGD([W(torch.ones(3))], lr=0.1)
    base.param_groups[0].update(more)
    with pytest.raises(ValueError, match=r"has lr=.*relative_step=False, lr=1e-3.*or use SAM"):
        getattr(sssam, kind)(base, rho=0.1, model=False)


@pytest.mark.parametrize("make", [Counting, Wrapping])
def test_a_state_dict_of_another_form_is_kept_whole(make: Any) -> None:
    ends = []
    for cut in (False, True):
        torch.manual_seed(0)
        w = W(torch.ones(3))

        def build(w: Tensor = w) -> Any:
            inner = {"lr": 0.1, "momentum": 0.9}
            base = make([w], **inner) if make is Counting else make(torch.optim.SGD([w], **inner))
            return sssam.LookSAM(base, rho=0.1, k=2, model=False)

        optimizer = build()
        for t in range(6):
            if cut and t == 3:
                file = io.BytesIO()
                torch.save(optimizer.state_dict(), file)
                file.seek(0)
                optimizer = build()
                optimizer.load_state_dict(torch.load(file, weights_only=True))
            _step(optimizer, w)
        ends.append(w.detach())
        assert optimizer.bases[0].count == 6
    assert torch.equal(*ends)


def test_modes_are_the_base_s_and_are_there_only_where_it_has_them() -> None:
    class Modes(torch.optim.SGD):
        mode = "none"

        def train(self) -> None:
            self.mode = "train"

        def eval(self) -> None:
            self.mode = "eval"

    w = W(torch.ones(3))
    plain = sssam.SAM(torch.optim.SGD([w], lr=0.1), model=False)
    assert not hasattr(plain, "train")
    assert not hasattr(plain, "eval")
    base = Modes([w], lr=0.1)
    optimizer: Any = sssam.SAM(base, model=False)
    (w**2).sum().backward()
    optimizer.ascend()
    optimizer.eval()
    assert torch.equal(w.detach(), torch.ones(3))
    assert base.mode == "eval"
    optimizer.train()
    assert base.mode == "train"


def _pair(order: str) -> tuple[Any, Any, Any, list[Tensor]]:
    p, q = W(torch.ones(3)), W(torch.ones(2))
    adam, sgd = torch.optim.AdamW([p]), torch.optim.SGD([q], lr=0.1, momentum=0.9)
    bases = [adam, sgd] if order == "AdamW first" else [sgd, adam]
    return sssam.SAM(bases, model=False), adam, sgd, [p, q]


@pytest.mark.parametrize("order", ["AdamW first", "SGD first"])
@pytest.mark.parametrize("scheduler", ["one cycle", "cyclic"])
def test_a_cycled_momentum_reaches_each_base_by_its_own_name(order: str, scheduler: str) -> None:
    optimizer, adam, sgd, params = _pair(order)
    cycle: Any = (
        OneCycleLR(optimizer, 0.1, total_steps=10)
        if scheduler == "one cycle"
        else CyclicLR(optimizer, 0.01, 0.1, step_size_up=4, cycle_momentum=True)
    )
    seen = set()
    for _ in range(5):
        _step(optimizer, *params)
        cycle.step()
        assert adam.param_groups[0]["betas"][0] == sgd.param_groups[0]["momentum"]
        assert "momentum" not in adam.param_groups[0]
        assert "betas" not in {**sgd.param_groups[0]}
        seen.add(sgd.param_groups[0]["momentum"])
    assert len(seen) >= 4


def test_the_state_of_a_list_is_set_deleted_and_cleared() -> None:
    optimizer, adam, sgd, (p, q) = _pair("AdamW first")
    _step(optimizer, p, q)
    assert set(optimizer.state) == {p, q}
    optimizer.state[q] = {"momentum_buffer": torch.full((2,), 5.0)}
    assert sgd.state[q]["momentum_buffer"][0] == 5.0
    del optimizer.state[p]
    assert p not in adam.state
    assert len(optimizer.state) == 1
    optimizer.state.clear()
    assert not sgd.state
    with pytest.raises(KeyError, match="no base optimizer owns"):
        optimizer.state[torch.ones(1)] = {}


def test_groups_state_and_defaults_can_be_assigned() -> None:
    optimizer, adam, sgd, (p, q) = _pair("SGD first")
    groups = [{**group} for group in optimizer.param_groups]
    groups[0]["lr"] = 0.7
    optimizer.param_groups = groups
    assert sgd.param_groups[0]["lr"] == 0.7
    with pytest.raises(ValueError, match=r"the 2 groups of the 2 base optimizers.*not 1"):
        optimizer.param_groups = groups[:1]
    optimizer.state = {p: {"step": torch.ones(())}, q: {}}
    assert set(adam.state) == {p}
    assert set(sgd.state) == {q}
    one = sssam.SAM(sgd, model=False)
    one.__setstate__({"state": {}, "param_groups": sgd.param_groups})
    assert not one.state
    assert one.steps == 0
