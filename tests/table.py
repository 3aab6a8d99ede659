"""The table of optimizers that the battery of tests runs over."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

import sssam
from sssam.schedules import cosine, linear
from tests import naive

STEPS = 100
Build = Callable[[torch.optim.Optimizer, nn.Module], sssam.SharpnessAware]


def _coins(schedule: sssam.schedules.Schedule, draws: str = "bernoulli") -> list[bool]:
    trial = sssam.Trial(schedule, STEPS, 3, draws)  # type: ignore[arg-type]
    return [trial(t) for t in range(STEPS)]


@dataclass(frozen=True)
class Row:
    """An optimizer, its naive twin, what it costs, and what it needs of the loop."""

    build: Build
    naive: Callable[[], naive.Naive]
    propagations: float
    two_lines: bool = True
    needs_momentum: bool = False
    part: bool = False


def _scheduled(**more: object) -> Build:
    return lambda base, model: sssam.SSSAM(
        base,
        schedule=linear(0, 1),
        total_steps=STEPS,
        rho=0.1,
        seed=3,
        model=model,
        **more,  # type: ignore[arg-type]
    )


_LINEAR = _coins(linear(0, 1))
_RATE = sum(_LINEAR) / STEPS
_SYSTEMATIC = _coins(cosine(1, 0), "systematic")

TABLE: dict[str, Row] = {
    "SAM": Row(lambda b, m: sssam.SAM(b, rho=0.1, model=m), lambda: naive.NaiveSAM(rho=0.1), 2.0),
    "SAM mixed": Row(
        lambda b, m: sssam.SAM(b, rho=0.1, mix=0.6, model=m),
        lambda: naive.NaiveSAM(rho=0.1, mix=0.6),
        2.0,
    ),
    "SAM on a quarter": Row(
        lambda b, m: sssam.SAM(b, rho=0.1, ascent_fraction=0.25, model=m),
        lambda: naive.NaiveSAM(rho=0.1, fraction=0.25),
        1.25,
        two_lines=False,
        part=True,
    ),
    "ASAM": Row(lambda b, m: sssam.ASAM(b, rho=0.5, model=m), naive.NaiveASAM, 2.0),
    "SSSAM": Row(
        _scheduled(),
        lambda: naive.NaiveSSSAM(coins=_LINEAR, inner=naive.NaiveSAM(rho=0.1)),
        1 + _RATE,
    ),
    "SSSAM adaptive": Row(
        _scheduled(adaptive=True),
        lambda: naive.NaiveSSSAM(coins=_LINEAR, inner=naive.NaiveASAM(rho=0.1)),
        1 + _RATE,
    ),
    "SSSAM systematic": Row(
        lambda b, m: sssam.SSSAM(
            b,
            schedule=cosine(1, 0),
            total_steps=STEPS,
            rho=0.1,
            seed=3,
            draws="systematic",
            model=m,
        ),
        lambda: naive.NaiveSSSAM(coins=_SYSTEMATIC, inner=naive.NaiveSAM(rho=0.1)),
        1 + sum(_SYSTEMATIC) / STEPS,
    ),
    "LookSAM": Row(
        lambda b, m: sssam.LookSAM(b, rho=0.1, k=5, alpha=0.5, model=m),
        lambda: naive.NaiveLookSAM(rho=0.1, k=5, alpha=0.5),
        1.2,
    ),
    "MSAM": Row(
        lambda b, m: sssam.MSAM(b, rho=0.3, model=m),
        naive.NaiveMSAM,
        1.0,
        two_lines=False,
        needs_momentum=True,
    ),
}
