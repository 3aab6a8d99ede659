"""Random generators of any kind end each step as a plain step would leave them."""

import pickle
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import sssam
from sssam.runtime.generators import Generators, held_by
from tests.runtime.forms import PART, WHOLE, Form, closure, passes, plain


class Drawing(nn.Module):
    """Scales its outputs by draws of the generators that it holds, from its third pass on."""

    def __init__(self, held: Any, draw: Callable[[Any], float], first: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.held, self.draw = nn.Linear(4, 3), held, draw
        self.left = first

    def forward(self, x: Tensor) -> Tensor:
        self.left -= 1
        y: Tensor = self.linear(x)
        return y * (1 + self.draw(self.held)) if self.left < 0 else y


def _of_torch(held: Any) -> float:
    return torch.rand((), generator=held).item()


def _global_normal(held: Any) -> float:
    """One of the two normal numbers that NumPy makes at a time; it keeps the other."""
    return float(np.random.randn())


Kind = tuple[Callable[[], Any], Callable[[Any], float]]
KINDS: dict[str, Kind] = {
    "torch": (lambda: None, lambda held: torch.rand(()).item()),
    "python": (lambda: None, lambda held: random.random()),
    "python, a normal": (lambda: None, lambda held: random.gauss(0, 1)),
    "numpy": (lambda: None, lambda held: float(np.random.rand())),
    "numpy, a normal": (lambda: None, _global_normal),
    "torch, own": (lambda: torch.Generator().manual_seed(1), _of_torch),
    "torch, in a list": (lambda: [3, torch.Generator().manual_seed(1)], lambda h: _of_torch(h[1])),
    "torch, in a dict": (lambda: {"a": torch.Generator()}, lambda h: _of_torch(h["a"])),
    "torch, of an object": (
        lambda: SimpleNamespace(noise=(torch.Generator(),)),
        lambda h: _of_torch(h.noise[0]),
    ),
    "python, own": (lambda: random.Random(1), lambda h: h.random()),
    "numpy, own": (lambda: np.random.default_rng(1), lambda h: h.random()),
    "numpy, own MT19937": (
        lambda: np.random.Generator(np.random.MT19937(1)),
        lambda h: h.random(),
    ),
    "numpy, own old": (lambda: np.random.RandomState(1), lambda h: h.randn()),
}


def _states(model: nn.Module) -> bytes:
    own = [
        g.get_state().tolist() if isinstance(g, torch.Generator) else g
        for g in held_by(model.modules())
    ]
    states = (random.getstate(), np.random.get_state(), torch.get_rng_state().tolist(), own)
    return pickle.dumps(states)


def _ends(kind: Kind, form: Form | None, first: int, part: float = 1.0) -> bytes:
    random.seed(3)
    np.random.seed(3)
    make, draw = kind
    model = Drawing(make(), draw, first)
    base = torch.optim.SGD(model.parameters(), lr=0.0)
    optimizer = sssam.SAM(base, rho=0.5, model=model, ascent_fraction=part)
    torch.manual_seed(3)
    x = torch.randn(8, 4)
    for _ in range(3):
        if form is None:
            plain(model, x)
        else:
            form(model, optimizer, x)
    return _states(model)


@pytest.mark.parametrize("form", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_generators_end_as_after_plain_steps(kind: Kind, form: Form) -> None:
    assert _ends(kind, form, 0) == _ends(kind, None, 0)


@pytest.mark.parametrize("form", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_generators_first_drawn_from_after_the_first_step(kind: Kind, form: Form) -> None:
    assert _ends(kind, form, 2) == _ends(kind, None, 1)


@pytest.mark.parametrize("form", PART.values(), ids=PART)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_first_pass_over_a_part_draws_nothing(kind: Kind, form: Form) -> None:
    assert _ends(kind, form, 0, part=0.5) == _ends(kind, None, 0)


@pytest.mark.parametrize("form", [closure, passes])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_same_mask_gives_both_passes_equal_draws(kind: Kind, form: Form) -> None:
    make, draw = kind
    drawn: list[float] = []

    def drawing(held: Any) -> float:
        drawn.append(draw(held))
        return drawn[-1]

    model = Drawing(make(), drawing, 0)
    base = torch.optim.SGD(model.parameters(), lr=0.0)
    optimizer = sssam.SAM(base, model=model, rng="same-mask")
    for _ in range(2):
        form(model, optimizer, torch.randn(8, 4))
    assert drawn[0] == drawn[1] != drawn[2] == drawn[3]


def test_the_global_generator_of_numpy_is_put_back_whatever_stands_in_for_it() -> None:
    """Seeded anew, given other bits, drawn from in between: the state read last is not taken."""
    generators = Generators(())
    original = np.random.get_bit_generator()
    try:
        for other in (None, np.random.PCG64(1), np.random.MT19937(1), original):
            if other is not None:
                np.random.set_bit_generator(other)
            for draws in (0, 1, 0, 2, 1):
                np.random.randn(draws)
                before = pickle.dumps(np.random.get_state(legacy=False))
                undo = generators.note()
                np.random.randn(draws + 1)
                undo()
                assert pickle.dumps(np.random.get_state(legacy=False)) == before
    finally:
        np.random.set_bit_generator(original)


def test_generators_reached_from_modules_alone_are_held() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    own = torch.Generator()
    model[1].noise = {"of": [own, own], "system": random.SystemRandom(), "data": list(range(9999))}
    model.module = random  # as `self.np = np` in many a model: not looked into
    assert held_by(model.modules()) == [own, own]
