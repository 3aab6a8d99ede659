"""The limit cases that the papers state: bit for bit, over 100 steps, with dropout too."""

from collections.abc import Callable

import pytest
import torch

import sssam
from sssam.schedules import constant, late
from tests.problems import BASES, Problem, by_closure, by_two_lines, same

STEPS = 100
CHOSEN = ["momentum", "adam", "adamw", "rmsprop"]
Wrap = Callable[[torch.optim.Optimizer, torch.nn.Module], torch.optim.Optimizer]


def _sssam(p: float, **more: object) -> Wrap:
    return lambda base, model: sssam.SSSAM(
        base,
        schedule=constant(p),
        total_steps=STEPS,
        rho=0.1,
        model=model,
        **more,  # type: ignore[arg-type]
    )


def _sam(**more: object) -> Wrap:
    return lambda base, model: sssam.SAM(base, **{"rho": 0.1, **more}, model=model)  # type: ignore[arg-type]


PAIRS: dict[str, tuple[Wrap, Wrap]] = {
    "p = 0 is the base": (_sssam(0), lambda base, model: base),
    "p = 1 is SAM": (_sssam(1), _sam()),
    "p = 1, compensated, is SAM": (_sssam(1, strength="per-step"), _sam()),
    "p = 1, systematic, is SAM": (_sssam(1, draws="systematic"), _sam()),
    "adaptive p = 1 is ASAM": (
        _sssam(1, adaptive=True),
        lambda base, model: sssam.ASAM(base, rho=0.1, model=model),
    ),
    # The base's gradient comes from the second pass here, so it must see the first one's masks.
    "rho = 0 is the base": (_sam(rho=0.0, rng="same-mask"), lambda base, model: base),
    "rho = 0 of ASAM is the base": (
        lambda base, model: sssam.ASAM(base, rho=0.0, rng="same-mask", model=model),
        lambda base, model: base,
    ),
    "LookSAM with k = 1 is SAM": (
        lambda base, model: sssam.LookSAM(base, rho=0.1, k=1, model=model),
        _sam(),
    ),
    "LookSAM with alpha = 0 is SAM at every k-th step": (
        lambda base, model: sssam.LookSAM(base, rho=0.1, k=4, alpha=0.0, model=model),
        lambda base, model: sssam.SharpnessAware(
            base,
            sssam.methods.Switch(
                sssam.roles.Every(4), sssam.SAM(base, rho=0.1, model=model).method
            ),
            model=model,
        ),
    ),
    "MSAM with rho = 0 is the base": (
        lambda base, model: sssam.MSAM(base, rho=0.0, model=model),
        lambda base, model: base,
    ),
}


@pytest.mark.parametrize("base", CHOSEN)
@pytest.mark.parametrize("pair", PAIRS)
def test_limit(pair: str, base: str) -> None:
    ends = []
    for wrap in PAIRS[pair]:
        torch.manual_seed(5)
        problem = Problem(dtype=torch.float32, dropout=0.3, norm=True)
        optimizer = wrap(BASES[base](problem.params), problem.model)
        losses = by_closure(problem, optimizer, STEPS)
        ends.append((problem, losses, torch.get_rng_state()))
    (one, losses, rng), (other, their_losses, their_rng) = ends
    assert same(one.params, other.params)
    assert same(list(one.model.buffers()), list(other.model.buffers()))
    assert losses == their_losses
    assert torch.equal(rng, their_rng)


def test_the_two_line_form_with_p_0_is_the_base() -> None:
    one, other = Problem(dtype=torch.float32), Problem(dtype=torch.float32)
    wrapped = _sssam(0)(BASES["momentum"](one.params), one.model)
    base = BASES["momentum"](other.params)
    by_two_lines(one, wrapped, STEPS)
    for t in range(STEPS):
        other.loss(t).backward()
        base.step()
        base.zero_grad()
    assert same(one.params, other.params)


def test_a_late_block_is_the_base_and_then_sam() -> None:
    one, other = Problem(), Problem()
    schedule = late(0.3)
    optimizer = sssam.SSSAM(
        BASES["adam"](one.params), schedule=schedule, total_steps=STEPS, rho=0.1, model=one.model
    )
    by_closure(one, optimizer, STEPS)
    base = BASES["adam"](other.params)
    by_closure(other, base, 70)
    by_closure(other, sssam.SAM(base, rho=0.1, model=other.model), 30, first=70)
    assert same(one.params, other.params)
    assert optimizer.propagations == optimizer.expected_propagations == 1.3
