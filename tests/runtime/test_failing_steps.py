"""A step that fails leaves w, and a training that can go on."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import sssam
from tests.problems import BASES, Problem, by_closure, flat, same


@pytest.mark.parametrize("form", ["closure", "passes"])
def test_a_loader_that_raises_in_mid_step_leaves_w(form: str) -> None:
    problem = Problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params), rho=0.1, model=problem.model)
    before = [p.detach().clone() for p in problem.params]
    calls: list[Callable[[], torch.Tensor]] = []

    def load() -> torch.Tensor:
        if len(calls) == 1:
            raise OSError("the disk is gone")
        calls.append(load)
        return problem.loss(0)

    def step() -> None:
        if form == "closure":

            def run() -> torch.Tensor:
                loss = load()
                loss.backward()
                return loss

            optimizer.step(run)
        else:
            for p in optimizer.passes(problem.batch(0)):
                p.backward(load())

    with pytest.raises(OSError, match="the disk is gone"):
        step()
    optimizer.zero_grad()  # a new step; the closure form was back at w already
    assert same(problem.params, before)
    by_closure(problem, optimizer, 2)
    assert optimizer.steps == 2


@pytest.mark.skipif(
    torch.cuda.is_available(), reason="tests/runtime/test_gpu.py has it on a device"
)
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop])
def test_a_capturable_base_off_its_devices_is_torch_s_error_and_leaves_w(kind: Any) -> None:
    problem = Problem()
    optimizer = sssam.SAM(kind(problem.params, capturable=True), rho=0.1, model=problem.model)
    before = flat(problem.params)
    with pytest.raises(AssertionError, match="capturable=True"):
        by_closure(problem, optimizer, 1)
    assert torch.equal(flat(problem.params), before)
    assert optimizer.steps == 0
