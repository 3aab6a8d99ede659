"""Wrong settings of the family: the argument, its value, the range and the remedy are named."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import sssam
from sssam.methods import Ascent, GradientSwitch
from sssam.roles import (
    Euclidean,
    Fresh,
    Hardest,
    Kept,
    Last,
    Momentum,
    Noisy,
    Only,
    Rising,
    Threshold,
)
from tests.problems import BASES, Problem, by_closure, same

E = Euclidean(0.1)


def _built(kind: Any, **settings: Any) -> Callable[[], object]:
    base = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1, momentum=0.9)
    return lambda: kind(base, **{"model": False, **settings})


CASES: list[tuple[Callable[[], object], type[Exception], str]] = [
    (_built(sssam.ESAM, beta=0), ValueError, r"beta must be in \(0, 1\], not 0"),
    (_built(sssam.ESAM, gamma=1.5), ValueError, r"gamma must be in \(0, 1\], not 1\.5"),
    (_built(sssam.ESAM, seed=-1), ValueError, r"seed must be at least 0, not -1"),
    (_built(sssam.ESAM, seed=2**63), ValueError, r"seed must be below 2\*\*63.*modulo"),
    (_built(sssam.ESAM, rho=-1), ValueError, r"rho must be at least 0, not -1; 0 is the base"),
    (_built(sssam.KSAM, fraction=0), ValueError, r"fraction must be in \(0, 1\], not 0"),
    (_built(sssam.KSAM, fraction="1"), TypeError, r"fraction must be a number, not '1'"),
    (_built(sssam.AESAM), TypeError, r"total_steps"),
    (
        _built(sssam.AESAM, total_steps=0),
        ValueError,
        r"total_steps must be at least 1, not 0; give epochs",
    ),
    (
        _built(sssam.AESAM, total_steps=9, l1=math.nan),
        ValueError,
        r"l1 must be a number or an infinity, not nan",
    ),
    (_built(sssam.AESAM, total_steps=9, l2="1"), TypeError, r"l2 must be a number, not '1'"),
    (
        _built(sssam.AESAM, total_steps=9, l1=math.inf),
        ValueError,
        r"l1 and l2 must be finite, or both the same infinity, not inf and 1\.0",
    ),
    (
        _built(sssam.AESAM, total_steps=9, memory=1.1),
        ValueError,
        r"memory must be in \[0, 1\], not 1\.1",
    ),
    (_built(sssam.AESAM, total_steps=9, look=1), TypeError, r"look must be True or False, not 1"),
    (_built(sssam.AESAM, total_steps=9, alpha=-1), ValueError, r"alpha must be at least 0"),
    (_built(sssam.GSAM, alpha=-1), ValueError, r"alpha must be at least 0, not -1"),
    (
        _built(sssam.GSAM, rho_min=0.01),
        ValueError,
        r"rho_min=0\.01 needs lr_max.*without rho_min, rho is constant",
    ),
    (
        _built(sssam.GSAM, rho_min=0.1, lr_max=1),
        ValueError,
        r"rho_min must be in \[0, 0\.05\], not 0\.1; rho is the greatest",
    ),
    (
        _built(sssam.GSAM, rho_min=0.01, lr_max=0.1, lr_min=0.1),
        ValueError,
        r"lr_max must be above lr_min=0\.1, not 0\.1",
    ),
    (_built(sssam.FriendlySAM, sigma=-1), ValueError, r"sigma must be at least 0, not -1"),
    (_built(sssam.FriendlySAM, lam=2), ValueError, r"lam must be in \[0, 1\], not 2"),
    (_built(sssam.WSAM, gamma=1), ValueError, r"gamma must be in \[0, 1\), not 1; 0 is"),
    (_built(sssam.WSAM, gamma=-0.1), ValueError, r"gamma must be in \[0, 1\), not -0\.1; 0 is"),
    (
        _built(sssam.WSAM, decoupled="no"),
        TypeError,
        r"decoupled must be True or False, not 'no'",
    ),
    (_built(sssam.USAM, rho=math.inf), ValueError, r"rho must be at least 0, not inf"),
    (_built(sssam.AsyncSAM, ascent_fraction=0), ValueError, r"ascent_fraction must be in \(0, 1\]"),
    (_built(sssam.MicroSAM, noise=-1), ValueError, r"noise must be at least 0, not -1"),
    (_built(sssam.SAMPa, lam=1.2), ValueError, r"lam must be in \[0, 1\], not 1\.2"),
    (
        _built(sssam.SAMON),
        TypeError,
        r"model must be the torch\.nn\.Module that is trained, not False",
    ),
    (
        _built(sssam.SAMON, model=nn.Linear(2, 2)),
        ValueError,
        r"no parameters of normalisation layers, so that nothing would ever move",
    ),
    (
        _built(sssam.RandomPerturbation, seed=1.5),
        TypeError,
        r"seed must be an int, not 1\.5",
    ),
    (
        lambda: Ascent(Momentum(), E, samples=Rising(0.5)),
        ValueError,
        r"samples=Rising.* the loss of every sample at w, which direction=Momentum",
    ),
    (
        lambda: Ascent(Fresh(0.5), E, samples=Rising(0.5)),
        ValueError,
        r"samples=Rising.* direction=Fresh\(fraction=0\.5\) does not",
    ),
    (
        lambda: Ascent(Fresh(0.5), E, samples=Hardest(0.5)),
        ValueError,
        r"samples=Hardest.* and direction=Fresh.* both choose the part",
    ),
    (
        lambda: Ascent(Last(), E),
        ValueError,
        r"direction=Last.*mix=Perturbed\(\) keeps no such thing; use mix=Kept\(\)",
    ),
    (
        lambda: Ascent(Noisy(Last("a"), 1.0), E, Kept("b")),
        ValueError,
        r"direction=Noisy.*mix=Kept\(name='b'\) keeps no such thing",
    ),
    (
        lambda: GradientSwitch(Threshold(9), Ascent(Fresh(0.5), E)),
        ValueError,
        r"when=Threshold.* whole batch at w, but on=Ascent.* begins with another pass",
    ),
    (
        lambda: GradientSwitch(
            Threshold(9), Ascent(Fresh(), E), GradientSwitch(Threshold(9), Ascent(Fresh(), E))
        ),
        ValueError,
        r"when=Threshold.* but off=GradientSwitch",
    ),
    (lambda: Only(E, []), ValueError, r"there are no parameters, so that"),
]


@pytest.mark.parametrize(
    ("build", "kind", "text"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_construction(build: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        build()


def test_will_ascend_of_a_method_that_decides_after_the_pass() -> None:
    problem = Problem()
    optimizer = sssam.AESAM(BASES["sgd"](problem.params), total_steps=9, model=False)
    with pytest.raises(RuntimeError, match=r"not known before the pass.*ascend\(\) after backward"):
        _ = optimizer.will_ascend
    by_closure(problem, optimizer, 1)
    assert optimizer.steps == 1


def test_losses_of_single_samples_are_asked_for() -> None:
    problem = Problem()
    optimizer = sssam.KSAM(BASES["sgd"](problem.params), model=False)
    before = [p.detach().clone() for p in problem.params]
    passes = optimizer.passes(problem.batch(0))
    first = next(passes)
    with pytest.raises(ValueError, match=r'one loss a sample, as with reduction="none"'):
        first.backward(problem.loss(0))
    passes.close()
    assert same(problem.params, before)


def test_settings_show_and_read_back() -> None:
    problem = Problem(norm=True)
    optimizer = sssam.SAMON(BASES["sgd"](problem.params), model=problem.model, rho=0.2)
    assert "Only(metric=Euclidean(rho=0.2" in repr(optimizer)
    assert "label='parameters of normalisation layers'" in repr(optimizer)
    assert eval(repr(Threshold(9)), {"Threshold": Threshold}) == Threshold(9)
    aesam = sssam.AESAM(BASES["sgd"](problem.params), total_steps=9, model=False)
    assert "GradientSwitch(when=Threshold(total_steps=9, l1=-1.0, l2=1.0, memory=0.9)" in repr(
        aesam
    )
