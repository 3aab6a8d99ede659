"""SALA and IRE at the ends of their settings, and where they differ from what they are made of."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import sssam
from tests import naive
from tests.naive import loop
from tests.problems import BASES, Problem, build, by_best, by_passes, flat, same

Wrap = Callable[[torch.optim.Optimizer, torch.nn.Module], torch.optim.Optimizer]


def _sam(base: torch.optim.Optimizer, model: torch.nn.Module) -> torch.optim.Optimizer:
    return sssam.SAM(base, rho=0.1, model=model)


PAIRS: dict[str, tuple[Wrap, Wrap]] = {
    "IRE with kappa = 0 is the base": (
        lambda b, m: sssam.IRE(b, kappa=0, model=m),
        lambda b, m: b,
    ),
    "IRE with kappa = 0 and a rho is SAM": (
        lambda b, m: sssam.IRE(b, kappa=0, rho=0.1, model=m),
        _sam,
    ),
    "IRE that has not begun is the base": (
        lambda b, m: sssam.IRE(b, kappa=2, start=20, model=m),
        lambda b, m: b,
    ),
}


@pytest.mark.parametrize("base", ["momentum", "adamw"])
@pytest.mark.parametrize("pair", PAIRS)
def test_limit(pair: str, base: str) -> None:
    ends = []
    for wrap in PAIRS[pair]:
        torch.manual_seed(5)
        problem = Problem(dtype=torch.float32, dropout=0.3, norm=True)
        by_best(problem, wrap(BASES[base](problem.params), problem.model), 20)
        ends.append(problem)
    assert same(ends[0].params, ends[1].params)
    assert same(list(ends[0].model.buffers()), list(ends[1].model.buffers()))


def test_sala_of_one_step_a_cycle_whose_slow_weights_are_w_is_sam() -> None:
    """To rounding: the way to s, which is 0, is added to the perturbation."""
    one, other = Problem(), Problem()
    sala = sssam.SALA(BASES["momentum"](one.params), rho=0.1, k=1, alpha=1.0, model=one.model)
    by_passes(one, sala, 20)
    by_passes(other, _sam(BASES["momentum"](other.params), other.model), 20)
    torch.testing.assert_close(flat(one.params), flat(other.params), rtol=1e-11, atol=1e-12)
    assert sala.propagations == 2.0


def test_ire_over_sam_is_its_pseudo_code() -> None:
    theirs, their_base = build("momentum")
    twin = naive.NaiveIRE(inner=naive.NaiveSAM(rho=0.1))
    expected = loop.train(theirs, their_base, twin, 100)[-1]
    ours, our_base = build("momentum")
    optimizer = sssam.IRE(our_base, kappa=1.5, flat=0.7, rho=0.1, model=ours.model)
    by_passes(ours, optimizer, 100)
    torch.testing.assert_close(flat(ours.params), expected, rtol=1e-10, atol=1e-11)
    assert optimizer.expected_propagations == optimizer.propagations == 2.0
    assert tuple(optimizer.memory) == (1, 2)


def test_all_coordinates_are_flat_where_it_is_said_so_and_sgd_goes_twice_as_far() -> None:
    one, other = Problem(), Problem()
    twice = torch.optim.SGD(one.params, lr=0.1)
    ire = sssam.IRE(torch.optim.SGD(other.params, lr=0.05), kappa=1, flat=1.0, model=False)
    by_passes(other, ire, 5)
    for t in range(5):
        twice.zero_grad()
        one.loss(t).backward()
        twice.step()
    torch.testing.assert_close(flat(one.params), flat(other.params), rtol=1e-10, atol=1e-12)


def test_a_hook_after_the_step_sees_the_whole_of_it() -> None:
    problem, seen = Problem(), []
    optimizer = sssam.IRE(BASES["sgd"](problem.params), model=False)
    optimizer.register_step_post_hook(lambda *_: seen.append(flat(problem.params)))
    by_passes(problem, optimizer, 3)
    assert torch.equal(seen[-1], flat(problem.params))


def test_sala_evaluates_a_step_away_from_its_slow_weights() -> None:
    """After the last step of a cycle, w is one update of the base away from s."""
    problem = Problem()
    base = torch.optim.SGD(problem.params, lr=0.05)
    optimizer = sssam.SALA(base, rho=0.0, k=3, model=problem.model)
    by_best(problem, optimizer, 6)
    slow = flat([optimizer._training.memory[p]["slow"] for p in problem.params])
    gradient = flat([p.grad for p in problem.params if p.grad is not None])
    torch.testing.assert_close(flat(problem.params), slow - 0.05 * gradient)
    assert optimizer.ascents == 0  # rho is 0: its own way is always long enough


WRONG: list[tuple[Any, str]] = [
    (lambda b: sssam.SALA(b, k=0), "k must be at least 1, not 0"),
    (lambda b: sssam.SALA(b, alpha=1.5), r"alpha must be in \[0, 1\], not 1\.5"),
    (lambda b: sssam.SALA(b, rho=-1), "rho must be at least 0, not -1"),
    (lambda b: sssam.IRE(b, kappa=-1), "kappa must be at least 0, not -1"),
    (lambda b: sssam.IRE(b, flat=0), r"flat must be in \(0, 1\], not 0"),
    (lambda b: sssam.IRE(b, every=0), "every must be at least 1, not 0"),
    (lambda b: sssam.IRE(b, start=-1), "start must be at least 0, not -1"),
    (lambda b: sssam.IRE(b, rho=-1), "rho must be at least 0, not -1"),
    (lambda b: sssam.roles.Every(2, 2), "first must be below k=2, not 2"),
]


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_wrong_settings(case: int) -> None:
    with pytest.raises(ValueError, match=WRONG[case][1]):
        WRONG[case][0](BASES["sgd"](Problem().params))
