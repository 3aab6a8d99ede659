"""Errors do not depend on the draw: a wrong call fails at step 0, sharpness-aware or not."""

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor

import sssam
from sssam.schedules import constant
from tests.problems import BASES, Problem


def _sssam(problem: Problem, p: float, **more: Any) -> sssam.SSSAM:
    base = BASES["momentum"](problem.params)
    return sssam.SSSAM(base, schedule=constant(p), total_steps=9, model=False, **more)


def _ascend(fraction: float | None) -> Callable[[Problem, Any], None]:
    def call(problem: Problem, optimizer: Any) -> None:
        problem.loss(0).backward()
        optimizer.ascend(fraction=fraction)

    return call


def _close(**given: Any) -> Callable[[Problem, Any], None]:
    def call(problem: Problem, optimizer: Any) -> None:
        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = problem.loss(0)
            loss.backward()
            return loss

        optimizer.step(closure, **given)

    return call


@pytest.mark.parametrize("p", [0.0, 1.0])
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (_ascend(2.0), ValueError, r"fraction must be in \(0, 1\], not 2\.0"),
        (_ascend(0.5), RuntimeError, r"fraction=0\.5.*read optimizer\.will_ascend first"),
        (_close(ascent_fraction=3.0), ValueError, r"ascent_fraction must be in.*not 3\.0"),
        (_close(scaler="x"), TypeError, r"GradScaler or None, not 'x'"),
    ],
)
def test_a_wrong_argument(call: Any, error: type[Exception], words: str, p: float) -> None:
    problem = Problem()
    optimizer = _sssam(problem, p)
    with pytest.raises(error, match=words):
        call(problem, optimizer)
    assert not optimizer.steps


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_part_of_the_batch_that_was_not_asked_about(p: float) -> None:
    problem = Problem()
    optimizer = _sssam(problem, p, ascent_fraction=0.5)
    with pytest.raises(RuntimeError, match=r"fraction=0\.5.*read optimizer\.will_ascend first"):
        _ascend(None)(problem, optimizer)


def test_a_part_of_the_batch_on_a_plain_step() -> None:
    problem = Problem()
    optimizer = _sssam(problem, 0.0)
    assert not optimizer.will_ascend
    with pytest.raises(RuntimeError, match=r"fraction=0\.5.*step 0.*only where.*will_ascend"):
        _ascend(0.5)(problem, optimizer)
