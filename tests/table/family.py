"""The rows of SAM, SS-SAM, and the methods that were first published around them."""

from collections.abc import Callable

import torch
from torch import nn

import sssam
from sssam.roles import Euclidean, Stochastic
from sssam.roles.noise import normal
from sssam.schedules import constant, cosine, late, linear
from tests import naive
from tests.problems import Problem, flat
from tests.table.row import STEPS, Build, Row


def _coins(
    schedule: sssam.schedules.Schedule, draws: str = "bernoulli", seed: int = 3
) -> list[bool]:
    trial = sssam.Draws(schedule, STEPS, seed, draws)  # type: ignore[arg-type]
    return [trial(t) for t in range(STEPS)]


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
_EVERY_4TH = _coins(constant(1 / 4), "systematic", seed=0)


def _noise(problem: Problem, seed: int) -> Callable[[int], torch.Tensor]:
    return lambda t: flat(normal(seed, t, problem.params))


def _mask(problem: Problem, beta: float, seed: int) -> Callable[[int], torch.Tensor]:
    moves = Stochastic(Euclidean(0.1), beta, seed).moves
    return lambda t: flat(
        [torch.full_like(p, float(moves(t, i))) for i, p in enumerate(problem.params)]
    )


def _norm_mask(problem: Problem) -> torch.Tensor:
    norms = [module for module in problem.model.modules() if isinstance(module, nn.LayerNorm)]
    chosen = {id(p) for norm in norms for p in norm.parameters()}
    return flat([torch.full_like(p, float(id(p) in chosen)) for p in problem.params])


def _annealed(twin: naive.NaiveGSAM) -> naive.NaiveGSAM:
    twin.rho = lambda t: 0.1 + (0.2 - 0.1) * (twin.lr - 0.001) / (0.1 - 0.001)
    return twin


FAMILY: dict[str, Row] = {
    "SAM": Row(lambda b, m: sssam.SAM(b, rho=0.1, model=m), lambda p: naive.NaiveSAM(rho=0.1), 2.0),
    "SAM mixed": Row(
        lambda b, m: sssam.SAM(b, rho=0.1, mix=0.6, model=m),
        lambda p: naive.NaiveSAM(rho=0.1, mix=0.6),
        2.0,
    ),
    "SAM on a quarter": Row(
        lambda b, m: sssam.SAM(b, rho=0.1, ascent_fraction=0.25, model=m),
        lambda p: naive.NaiveSAM(rho=0.1, fraction=0.25),
        1.25,
        forms=("closure", "passes"),
    ),
    "ASAM": Row(lambda b, m: sssam.ASAM(b, rho=0.5, model=m), lambda p: naive.NaiveASAM(), 2.0),
    "SSSAM": Row(
        _scheduled(),
        lambda p: naive.NaiveSSSAM(coins=_LINEAR, inner=naive.NaiveSAM(rho=0.1)),
        1 + _RATE,
    ),
    "SSSAM adaptive": Row(
        _scheduled(adaptive=True),
        lambda p: naive.NaiveSSSAM(coins=_LINEAR, inner=naive.NaiveASAM(rho=0.1)),
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
        lambda p: naive.NaiveSSSAM(coins=_SYSTEMATIC, inner=naive.NaiveSAM(rho=0.1)),
        1 + sum(_SYSTEMATIC) / STEPS,
    ),
    "LookSAM": Row(
        lambda b, m: sssam.LookSAM(b, rho=0.1, k=5, alpha=0.5, model=m),
        lambda p: naive.NaiveLookSAM(rho=0.1, k=5, alpha=0.5),
        1.2,
    ),
    "MSAM": Row(
        lambda b, m: sssam.MSAM(b, rho=0.3, model=m),
        lambda p: naive.NaiveMSAM(),
        1.0,
        forms=("closure", "passes"),
        passes=1,
        needs_momentum=True,
    ),
    "SSSAM every 4th": Row(
        lambda b, m: sssam.SSSAM(
            b, schedule=constant(1 / 4), total_steps=STEPS, rho=0.1, draws="systematic", model=m
        ),
        lambda p: naive.NaiveSSSAM(coins=_EVERY_4TH, inner=naive.NaiveSAM(rho=0.1)),
        1.25,
    ),
    "SSSAM late block": Row(
        lambda b, m: sssam.SSSAM(
            b, schedule=late(0.3), total_steps=STEPS, rho=0.1, mix=1.5, model=m
        ),
        lambda p: naive.NaiveSSSAM(
            coins=[t >= 70 for t in range(STEPS)], inner=naive.NaiveSAM(rho=0.1, mix=1.5)
        ),
        1.3,
    ),
    "USAM": Row(lambda b, m: sssam.USAM(b, rho=0.1, model=m), lambda p: naive.NaiveUSAM(), 2.0),
    "ESAM": Row(
        lambda b, m: sssam.ESAM(b, rho=0.1, beta=0.6, gamma=0.5, seed=2, model=m),
        lambda p: naive.NaiveESAM(mask=_mask(p, 0.6, 2)),
        1 + 1 / 3 + 0.5,
        forms=("passes",),
        passes=3,
    ),
    "ESAM of tensors alone": Row(
        lambda b, m: sssam.ESAM(b, rho=0.1, beta=0.6, gamma=1, seed=2, model=m),
        lambda p: naive.NaiveESAM(mask=_mask(p, 0.6, 2), gamma=1.0),
        2.0,
    ),
    "KSAM": Row(
        lambda b, m: sssam.KSAM(b, rho=0.1, fraction=0.25, model=m),
        lambda p: naive.NaiveKSAM(),
        1 / 3 + 0.5,
        forms=("passes",),
        passes=3,
    ),
    "AESAM": Row(
        lambda b, m: sssam.AESAM(b, total_steps=STEPS, rho=0.1, model=m),
        lambda p: naive.NaiveAESAM(),
        None,
    ),
    "AESAM look-ahead": Row(
        lambda b, m: sssam.AESAM(b, total_steps=STEPS, rho=0.1, look=True, alpha=0.5, model=m),
        lambda p: naive.NaiveAESAM(look=True),
        None,
    ),
    "GSAM": Row(
        lambda b, m: sssam.GSAM(b, rho=0.1, alpha=0.2, model=m), lambda p: naive.NaiveGSAM(), 2.0
    ),
    "GSAM with the rate": Row(
        lambda b, m: sssam.GSAM(
            b, rho=0.2, alpha=0.2, rho_min=0.1, lr_max=0.1, lr_min=0.001, model=m
        ),
        lambda p: _annealed(naive.NaiveGSAM()),
        2.0,
    ),
    "FriendlySAM": Row(
        lambda b, m: sssam.FriendlySAM(b, rho=0.1, sigma=0.8, lam=0.9, model=m),
        lambda p: naive.NaiveFriendlySAM(),
        2.0,
    ),
    "WSAM": Row(
        lambda b, m: sssam.WSAM(b, rho=0.1, gamma=0.7, model=m),
        lambda p: naive.NaiveWSAM(),
        2.0,
    ),
    "WSAM coupled": Row(
        lambda b, m: sssam.WSAM(b, rho=0.1, gamma=0.7, decoupled=False, model=m),
        lambda p: naive.NaiveWSAM(decoupled=False),
        2.0,
    ),
    "AsyncSAM": Row(
        lambda b, m: sssam.AsyncSAM(b, rho=0.1, ascent_fraction=0.5, model=m),
        lambda p: naive.NaiveAsyncSAM(),
        1.5,
        forms=("closure", "passes"),
    ),
    "S2SAM": Row(
        lambda b, m: sssam.S2SAM(b, rho=0.1, model=m),
        lambda p: naive.NaiveS2SAM(),
        1.0,
        forms=("closure", "passes"),
        passes=1,
    ),
    "MicroSAM": Row(
        lambda b, m: sssam.MicroSAM(b, rho=0.1, ascent_fraction=0.25, noise=0.5, seed=4, model=m),
        lambda p: naive.NaiveMicroSAM(noise=_noise(p, 4)),
        1.25,
        forms=("closure", "passes"),
    ),
    "RandomPerturbation": Row(
        lambda b, m: sssam.RandomPerturbation(b, rho=0.1, seed=4, model=m),
        lambda p: naive.NaiveRandom(noise=_noise(p, 4)),
        1.0,
        forms=("closure", "passes"),
        passes=1,
    ),
    "SAMON": Row(
        lambda b, m: sssam.SAMON(b, rho=0.1, model=m),
        lambda p: naive.NaiveSAMON(mask=_norm_mask(p)),
        2.0,
        norm="layer",
    ),
    "SAMPa": Row(
        lambda b, m: sssam.SAMPa(b, rho=0.1, lam=0.2, model=m),
        lambda p: naive.NaiveSAMPa(),
        2 - 1 / STEPS,
        forms=("passes",),
        resumes=False,
    ),
}
