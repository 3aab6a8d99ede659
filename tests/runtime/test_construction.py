"""Arguments outside their range are refused when an optimizer is built, by name and range."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import sssam
from sssam.methods import Ascent
from sssam.roles import Euclidean, Momentum, Weighted
from sssam.schedules import constant, custom, late, linear


def _base() -> torch.optim.Optimizer:
    return torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1, momentum=0.9)


def _sssam(**more: Any) -> sssam.SSSAM:
    return sssam.SSSAM(
        _base(), **{"schedule": constant(0.5), "total_steps": 10, "model": False, **more}
    )


CONSTRUCTION: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: sssam.SAM(torch.optim.SGD),
        TypeError,
        r"built optimizer, not the class SGD; build it first",
    ),  # type: ignore[arg-type]
    (
        lambda: sssam.SAM(sssam.SAM(_base())),
        TypeError,
        r"base is a SAM already; wrap the torch optimizer inside",
    ),
    (
        lambda: sssam.SAM(torch.optim.LBFGS(nn.Linear(2, 2).parameters())),
        TypeError,
        r"LBFGS calls its closure itself",
    ),
    (lambda: sssam.SAM([]), ValueError, r"list of at least one"),
    (lambda: sssam.SAM(3), TypeError, r"torch\.optim\.Optimizer or a list of them, not 3"),  # type: ignore[arg-type]
    (
        lambda: (lambda b: sssam.SAM([b, b]))(_base()),
        ValueError,
        r"SGD and SGD own the same parameter",
    ),
    (
        lambda: sssam.SAM(_base(), rho=-0.1),
        ValueError,
        r"rho must be at least 0, not -0\.1; 0 is the base",
    ),
    (lambda: sssam.SAM(_base(), rho=math.nan), ValueError, r"rho must be at least 0, not nan"),
    (lambda: sssam.SAM(_base(), rho=math.inf), ValueError, r"rho must be at least 0, not inf"),
    (lambda: sssam.SAM(_base(), rho="0.1"), TypeError, r"rho must be a number, not '0\.1'"),  # type: ignore[arg-type]
    (lambda: sssam.SAM(_base(), mix=-1), ValueError, r"mix must be at least 0, not -1"),
    (
        lambda: sssam.SAM(_base(), ascent_fraction=0),
        ValueError,
        r"ascent_fraction must be in \(0, 1\], not 0",
    ),
    (
        lambda: sssam.SAM(_base(), ascent_fraction=1.5),
        ValueError,
        r"ascent_fraction must be in \(0, 1\], not 1\.5",
    ),
    (
        lambda: sssam.SAM(_base(), rng="none"),
        ValueError,
        r"rng must be one of restore, same-mask, not 'none'",
    ),  # type: ignore[arg-type]
    (
        lambda: sssam.SAM(_base(), model=3),
        TypeError,
        r"model must be a torch\.nn\.Module, None or False, not 3",
    ),  # type: ignore[arg-type]
    (lambda: sssam.ASAM(_base(), eta=-1), ValueError, r"eta must be at least 0, not -1"),
    (
        lambda: sssam.LookSAM(_base(), k=0),
        ValueError,
        r"k must be at least 1, not 0; 1 acts at every step",
    ),
    (lambda: sssam.LookSAM(_base(), k=2.5), TypeError, r"k must be an int, not 2\.5"),  # type: ignore[arg-type]
    (lambda: sssam.LookSAM(_base(), alpha=-1), ValueError, r"alpha must be at least 0, not -1"),
    (
        lambda: sssam.MSAM(torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)),
        ValueError,
        r"keeps no momentum.*momentum=0\.9",
    ),
    (
        lambda: _sssam(total_steps=0),
        ValueError,
        r"total_steps must be at least 1, not 0; give epochs",
    ),
    (
        lambda: _sssam(total_steps=2.0),
        TypeError,
        r"total_steps must be an int, not 2\.0; give epochs",
    ),
    (lambda: _sssam(schedule=custom(lambda u: 1 + u)), ValueError, r"step 1 "),
    (lambda: _sssam(schedule=custom(lambda u: math.nan)), ValueError, r"nan"),
    (lambda: _sssam(schedule=linear(0, 1) * 2), ValueError, r"clamp"),
    (lambda: _sssam(schedule=0.5), TypeError, r"schedule"),
    (lambda: _sssam(seed=-1), ValueError, r"seed"),
    (lambda: _sssam(draws="coin"), ValueError, r"draws.*'coin'"),
    (
        lambda: _sssam(strength="full"),
        ValueError,
        r"strength must be one of fixed, per-step, total, not 'full'",
    ),
    (lambda: _sssam(adaptive="False"), TypeError, r"adaptive must be True or False, not 'False'"),
    (
        lambda: _sssam(schedule=late(0.05), total_steps=100, strength="total"),
        ValueError,
        r"needs 20 times rho .* more than the 10",
    ),
    (
        lambda: _sssam(
            schedule=linear(0, 1), total_steps=100, strength="per-step", strength_floor=0.01
        ),
        ValueError,
        r"needs 100 times rho",
    ),
    (
        lambda: Ascent(Momentum(), Euclidean(0.1), Weighted(0.5)),
        ValueError,
        r"mix=Weighted.* needs the gradient at w, which direction=Momentum.* does not compute",
    ),
]


@pytest.mark.parametrize(
    ("build", "kind", "text"), CONSTRUCTION, ids=lambda v: v if isinstance(v, str) else ""
)
def test_construction(build: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        build()
