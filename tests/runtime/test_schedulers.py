"""Every learning-rate scheduler of torch works on the wrapper as on its base."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as lr
from torch.optim.swa_utils import SWALR

import sssam
from tests.problems import (
    BASES,
    Problem,
    by_closure,
    same,
)

SCHEDULERS: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
    "step": lambda o: lr.StepLR(o, 3, 0.5),
    "multi-step": lambda o: lr.MultiStepLR(o, [2, 5]),
    "lambda": lambda o: lr.LambdaLR(o, lambda t: min(t / 5, 1.0)),
    "multiplicative": lambda o: lr.MultiplicativeLR(o, lambda t: 0.9),
    "exponential": lambda o: lr.ExponentialLR(o, 0.9),
    "cosine": lambda o: lr.CosineAnnealingLR(o, 12),
    "restarts": lambda o: lr.CosineAnnealingWarmRestarts(o, 4),
    "one-cycle": lambda o: lr.OneCycleLR(o, 0.1, total_steps=13),
    "cyclic": lambda o: lr.CyclicLR(o, 0.01, 0.1, step_size_up=3),
    "polynomial": lambda o: lr.PolynomialLR(o, 12),
    "constant": lambda o: lr.ConstantLR(o, 0.5, 4),
    "linear": lambda o: lr.LinearLR(o, 0.1, total_iters=6),
    "sequence": lambda o: lr.SequentialLR(
        o, [lr.LinearLR(o, 0.1, total_iters=4), lr.ExponentialLR(o, 0.9)], [4]
    ),
    "averaging": lambda o: SWALR(o, swa_lr=0.01, anneal_epochs=4),
    "chained": lambda o: lr.ChainedScheduler([lr.ConstantLR(o, 0.5, 3), lr.ExponentialLR(o, 0.9)]),
}


def _sam(problem: Problem) -> sssam.SAM:
    return sssam.SAM(BASES["momentum"](problem.params), rho=0.1, model=problem.model)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_work_on_either_object(name: str) -> None:
    ends = []
    for target in ("wrapper", "base"):
        problem = Problem()
        optimizer = _sam(problem)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            scheduler = SCHEDULERS[name](optimizer if target == "wrapper" else optimizer.bases[0])
            rates = []
            for t in range(12):
                by_closure(problem, optimizer, 1, t)
                scheduler.step()
                rates.append(optimizer.param_groups[0]["lr"])
        assert not [w for w in caught if "optimizer.step" in str(w.message)]
        ends.append((problem.params, rates))
    assert same(ends[0][0], ends[1][0])
    assert ends[0][1] == ends[1][1]
    assert len(set(ends[0][1])) > 1


def test_no_scheduler_of_torch_is_left_out() -> None:
    problem = Problem()
    tried = {type(build(BASES["momentum"](problem.params))) for build in SCHEDULERS.values()}
    public = {kind for name, kind in vars(lr).items() if name[0] != "_" and isinstance(kind, type)}
    found = {kind for kind in public if issubclass(kind, lr.LRScheduler)} | {SWALR}
    assert found - tried == {lr.LRScheduler, lr.ReduceLROnPlateau}  # the base; tested below


def test_a_plateau_scheduler() -> None:
    problem = Problem()
    optimizer = _sam(problem)
    scheduler = lr.ReduceLROnPlateau(optimizer, patience=0, factor=0.1)
    for _ in range(3):
        scheduler.step(1.0)
    assert optimizer.bases[0].param_groups[0]["lr"] == pytest.approx(0.05 * 0.01)
