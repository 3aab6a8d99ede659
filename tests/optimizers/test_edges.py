"""The family at the edges of a run: its first step, rho = 0, and an ascent that is void."""

import math
from typing import Any

import pytest
import torch

import sssam
from tests.problems import BASES, Problem, by_best, flat, same
from tests.table import TABLE

#: The method that it is at its first step; None for the base optimizer.
FIRST: dict[str, tuple[Any, Any]] = {
    "AsyncSAM begins with SAM": (sssam.AsyncSAM, sssam.SAM),
    "LookSAM begins with SAM": (sssam.LookSAM, sssam.SAM),
    "Momentum-SAM begins with the base": (sssam.MSAM, None),
    "S2-SAM begins with the base": (sssam.S2SAM, None),
    "SAMPa begins with the base": (sssam.SAMPa, None),
}


@pytest.mark.parametrize("pair", FIRST)
def test_the_first_step(pair: str) -> None:
    ends = []
    for kind in FIRST[pair]:
        problem = Problem(norm=True)
        base = BASES["momentum"](problem.params)
        by_best(problem, kind(base, rho=0.1, model=problem.model) if kind else base, 1)
        ends.append(problem.params)
    assert same(*ends)


#: Those whose update is of other samples, at another point or longer, whatever rho is, and those
#: that refuse a group's own radius.
ELSEWHERE = {"KSAM", "ESAM", "SAMPa", "SALA", "IRE", "FlatLoRA"}
ELSEWHERE |= {name for name in TABLE if "auto" in name}


@pytest.mark.parametrize("name", [name for name in TABLE if name not in ELSEWHERE])
def test_rho_0_is_the_base(name: str) -> None:
    """To rounding: a mix adds the same gradient to itself."""
    one, other = TABLE[name].problem(), TABLE[name].problem()
    base, alone = (BASES["momentum"](problem.params) for problem in (one, other))
    for group in base.param_groups:
        group["sssam_rho"] = 0.0
    optimizer = TABLE[name].build(base, one.model)
    by_best(one, optimizer, 30)
    by_best(other, alone, 30)
    torch.testing.assert_close(flat(one.params), flat(other.params), rtol=1e-12, atol=1e-13)


def test_looksam_keeps_its_v_where_an_ascent_is_void() -> None:
    problem = Problem()
    optimizer = sssam.LookSAM(BASES["sgd"](problem.params), rho=0.1, k=1, model=False)
    by_best(problem, optimizer, 1)
    before = [optimizer._training.memory[p]["v"].clone() for p in problem.params]
    for p in optimizer.passes(problem.batch(1)):
        loss = torch.nn.functional.cross_entropy(problem.model(p.x), p.y)
        p.backward(loss * math.inf if p.phase == "ascent" else loss)
    optimizer.step()
    assert optimizer.counters.voided == 1
    assert same([optimizer._training.memory[p]["v"] for p in problem.params], before)


@pytest.mark.parametrize("void_at", [0, 2])
def test_friendly_sam_s_mean_survives_a_void_ascent(void_at: int) -> None:
    """float16 scaling begins with overflows as a rule, and m has nothing before the first step."""
    problem = Problem()
    optimizer = sssam.FriendlySAM(BASES["sgd"](problem.params), rho=0.1, model=False)
    for t in range(4):
        for p in optimizer.passes(problem.batch(t)):
            loss = torch.nn.functional.cross_entropy(problem.model(p.x), p.y)
            p.backward(loss * math.inf if p.phase == "ascent" and t == void_at else loss)
        optimizer.step()
    assert optimizer.counters.voided == 1
    assert all(optimizer._training.memory[p]["m"].isfinite().all() for p in problem.params)
