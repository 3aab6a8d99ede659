"""Buffers of modules that people use: normalised, scripted, compiled, sharing memory, read-only."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

import sssam
from sssam.runtime.tensors import Noted
from tests.runtime.forms import PART, WHOLE, Form, contents, passes, plain


class Queue(nn.Module):
    """Keys of earlier batches in a ring, as MoCo has them; one position for all."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(8, 3))
        self.register_buffer("at", torch.zeros(1, dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        at = int(self.at)
        self.keys[at] = x.detach().mean(0)[:3]
        self.at[0] = (at + 1) % 8
        return x


class Views(nn.Module):
    """Two buffers that are views of one tensor, and overlap."""

    def __init__(self) -> None:
        super().__init__()
        both = torch.zeros(6)
        self.register_buffer("left", both[:4])
        self.register_buffer("right", both[2:])

    def forward(self, x: Tensor) -> Tensor:
        self.left.add_(1)
        self.right.mul_(2)
        return x


def _old_spectral_norm() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.utils.spectral_norm(nn.Linear(4, 3))


def _old_weight_norm() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.utils.weight_norm(nn.Linear(4, 3))


def _scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3)))


def _traced() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # batch norm's count of batches is a Python number there
        model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3))
        return torch.jit.trace(model, torch.randn(8, 4))


def _compiled() -> nn.Module:
    torch.compiler.reset()
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3))
    return torch.compile(model, backend="eager")


MODELS: dict[str, Callable[[], nn.Module]] = {
    "batch norm": lambda: nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3)),
    "cumulative": lambda: nn.Sequential(nn.BatchNorm1d(4, momentum=None), nn.Linear(4, 3)),
    "queue": lambda: nn.Sequential(Queue(), nn.Linear(4, 3)),
    "views": lambda: nn.Sequential(Views(), nn.Linear(4, 3)),
    "scripted": _scripted,
    "traced": _traced,
    "compiled": _compiled,
}
#: What they leave rests on the weights, of which a first pass over a part leaves others.
WEIGHTED: dict[str, Callable[[], nn.Module]] = {
    "spectral norm": lambda: parametrizations.spectral_norm(nn.Linear(4, 3)),
    "spectral norm, by hooks": _old_spectral_norm,
    "weight norm": lambda: parametrizations.weight_norm(nn.Linear(4, 3)),
    "weight norm, by hooks": _old_weight_norm,
    "norm behind weights": lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)),
}


def _both(make: Callable[[], nn.Module], form: Form, part: float = 1.0) -> list[object]:
    ends: list[object] = []
    for sharpness_aware in (False, True):
        torch.manual_seed(0)
        model = make()
        base = torch.optim.SGD(model.parameters(), lr=0.0)
        optimizer = sssam.SAM(base, rho=0.5, model=model, ascent_fraction=part)
        for t in range(3):
            torch.manual_seed(t + 1)
            x = torch.randn(8, 4)
            if sharpness_aware:
                form(model, optimizer, x)
            else:
                plain(model, x)
        ends.append(contents(model))
    return ends


@pytest.mark.parametrize("form", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("make", (MODELS | WEIGHTED).values(), ids=MODELS | WEIGHTED)
def test_buffers_end_as_after_plain_steps(make: Callable[[], nn.Module], form: Form) -> None:
    after_plain, after = _both(make, form)
    assert after == after_plain


@pytest.mark.parametrize("form", PART.values(), ids=PART)
@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_first_pass_over_a_part_leaves_nothing(make: Callable[[], nn.Module], form: Form) -> None:
    after_plain, after = _both(make, form, part=0.5)
    assert after == after_plain


def test_a_read_only_file_mapped_into_memory_is_not_written_to(tmp_path: Path) -> None:
    np.save(tmp_path / "table.npy", np.full((4, 4), np.nan, "float32"))
    mapped = np.load(tmp_path / "table.npy", mmap_mode="r")
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not writable, says torch
        model.register_buffer("table", torch.from_numpy(mapped))
    optimizer = sssam.SAM(torch.optim.SGD(model.parameters(), lr=0.1), model=model)
    passes(model, optimizer, torch.randn(8, 4))
    assert model[0].num_batches_tracked == 1


def test_a_buffer_that_is_a_view_of_a_trained_weight_follows_it() -> None:
    model = nn.Linear(4, 3)
    model.register_buffer("row", model.weight.detach()[1])
    w = model.weight.detach().clone()
    optimizer = sssam.SAM(torch.optim.SGD(model.parameters(), lr=0.0), rho=0.5, model=model)
    passes(model, optimizer, torch.randn(8, 4))
    assert torch.equal(model.weight, w)
    assert torch.equal(model.row, w[1])


def test_a_cached_parametrization_is_computed_anew_at_each_pass() -> None:
    """In the cache lies the weight of the pass before, and its graph, which is freed."""
    ends = []
    for cached in (False, True):
        torch.manual_seed(0)
        model = parametrizations.weight_norm(nn.Linear(4, 3))
        optimizer = sssam.SAM(torch.optim.SGD(model.parameters(), lr=0.1), rho=0.5, model=model)
        x = torch.randn(8, 4)
        for form in WHOLE.values():
            if cached:
                with parametrize.cached():
                    form(model, optimizer, x)
            else:
                form(model, optimizer, x)
        ends.append([p.detach().tolist() for p in model.parameters()])
    assert ends[0] == ends[1]


class Opaque(Tensor):
    """A kind of tensor that nobody can copy."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.clone:
            raise NotImplementedError("no clone for this kind")
        return super().__torch_function__(func, types, args, kwargs or {})


def test_a_buffer_that_can_not_be_copied_is_named_and_the_weights_are_at_w() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    model[1].register_buffer("odd", torch.zeros(3).as_subclass(Opaque))
    optimizer = sssam.SAM(torch.optim.SGD(model.parameters(), lr=0.0), rho=0.5, model=model)
    w = [p.detach().clone() for p in model.parameters()]
    for form in WHOLE.values():
        with pytest.raises(RuntimeError, match=r"'1\.odd'.*Opaque.*no clone.*model=False"):
            form(model, optimizer, torch.randn(8, 4))
        assert all(map(torch.equal, w, model.parameters()))


def test_a_buffer_that_can_not_be_put_back_is_named_and_all_else_is_put_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    after_plain = _both(MODELS["batch norm"], passes)[0]

    def put_back(noted: Noted) -> Any:
        if noted.name == "0.running_mean":
            raise RuntimeError("not this one")
        return actual(noted)

    actual = Noted.put_back
    monkeypatch.setattr(Noted, "put_back", put_back)
    torch.manual_seed(0)
    model = MODELS["batch norm"]()
    optimizer = sssam.SAM(torch.optim.SGD(model.parameters(), lr=0.0), rho=0.5, model=model)
    w = [p.detach().clone() for p in model.parameters()]
    for t in range(3):
        torch.manual_seed(t + 1)
        with pytest.raises(RuntimeError, match=r"'0\.running_mean'.*not this one"):
            passes(model, optimizer, torch.randn(8, 4))
    after = contents(model)
    for name in ("0.running_var", "0.num_batches_tracked"):
        assert after[name] == after_plain[name]
    assert all(map(torch.equal, w, model.parameters()))
