"""20,000 steps in all forms of the loop, with faults from a seeded plan: no drift, no leak."""

import copy
import gc
import random

import psutil
import pytest
import torch
from torch.amp import GradScaler
from torch.nn.functional import cross_entropy

import sssam
from sssam.schedules import constant
from tests.problems import BASES, Problem, same

STEPS = 20_000
FORMS = ["closure", "two lines", "passes", "scaled closure", "scaled passes"]
FAULTS = ["raise before", "raise after", "non-finite", "abandon", "skip", "copy", "save", "look"]


class FaultError(Exception):
    """What the plan throws."""


def _optimizer(problem: Problem) -> sssam.SSSAM:
    return sssam.SSSAM(
        BASES["adamw"](problem.params),
        schedule=constant(0.5),
        total_steps=STEPS,
        rho=0.05,
        mix=0.8,
        model=problem.model,
    )


def _good(problem: Problem, optimizer: sssam.SSSAM, scaler: GradScaler, form: str) -> None:
    t = optimizer.steps
    optimizer.zero_grad()

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = problem.loss(t)
        (scaler.scale(loss) if "scaled" in form else loss).backward()
        return loss

    if "closure" in form:
        optimizer.step(closure, scaler=scaler if "scaled" in form else None)
    elif form == "two lines":
        problem.loss(t).backward()
        if optimizer.ascend():
            problem.loss(t).backward()
        optimizer.step()
        optimizer.zero_grad()
    else:
        given = scaler if "scaled" in form else None
        for p in optimizer.passes(problem.batch(t), scaler=given):
            p.backward(cross_entropy(problem.model(p.x), p.y))
        optimizer.step() if given is None else given.step(optimizer)
    scaler.update() if "scaled" in form else None


def _bad(problem: Problem, optimizer: sssam.SSSAM, plan: random.Random, fault: str) -> None:
    """One attempt at a step that must leave no trace."""
    t, at, calls = optimizer.steps, plan.choice([1, 2]), 0
    optimizer.zero_grad()

    def closure() -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == at and fault == "raise before":
            raise FaultError
        optimizer.zero_grad()
        problem.loss(t).backward()
        raise FaultError

    if fault.startswith("raise"):
        with pytest.raises(FaultError):
            optimizer.step(closure)
    elif fault == "abandon":
        problem.loss(t).backward()
        optimizer.ascend()
        optimizer.restore()
    elif fault == "skip":
        for p in optimizer.passes(problem.batch(t)):
            p.backward(cross_entropy(problem.model(p.x), p.y))
            if p.phase == plan.choice(["ascent", "descent", "plain"]):
                break
    elif fault == "non-finite":
        overflowing = GradScaler("cpu", init_scale=1.0)
        for p in optimizer.passes(problem.batch(t), scaler=overflowing):
            p.backward(cross_entropy(problem.model(p.x), p.y) * float("inf"))
        overflowing.step(optimizer)
    elif fault == "copy":
        copy.deepcopy(optimizer)
    elif fault == "save":
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    elif fault == "look":
        with torch.no_grad():
            problem.model.eval()(problem.batch(t)[0])
            problem.model.train()
    optimizer.zero_grad()


@pytest.mark.slow
def test_soak() -> None:
    plan = random.Random(7)
    harried, calm = Problem(), Problem()
    troubled, reference = _optimizer(harried), _optimizer(calm)
    scaler, unused = GradScaler("cpu", init_scale=2.0**8, growth_interval=10**9), GradScaler("cpu")
    process, resident = psutil.Process(), []
    for t in range(STEPS):
        if plan.random() < 0.2:
            _bad(harried, troubled, plan, plan.choice(FAULTS))
        _good(harried, troubled, scaler, plan.choice(FORMS))
        _good(calm, reference, unused, "passes")
        if t % 2000 == 1999:
            gc.collect()
            resident.append(process.memory_info().rss / 2**20)
            assert same(harried.params, calm.params), f"they part before step {t}"
    assert troubled.steps == reference.steps == STEPS
    assert troubled.ascents == reference.ascents
    assert resident[-1] - resident[1] < 8, f"resident MiB over the run: {resident}"
