"""A step that was left amid, and an optimizer that nobody holds any more: nothing moves later."""

import gc
from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.amp import GradScaler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import sssam
from tests.problems import BASES, Problem, by_two_lines, closure, flat


@pytest.fixture(autouse=True)
def _collected_by_hand() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _left(problem: Problem) -> None:
    """Left at w + e by an interrupt, the optimizer in a cycle that only the collector frees."""
    optimizer = sssam.SAM(BASES["momentum"](problem.params), rho=0.3, model=problem.model)
    cycle = [optimizer]
    cycle.append(cycle)  # type: ignore[arg-type]
    problem.loss(0).backward()
    optimizer.ascend()


def _train(problem: Problem, model: nn.Module | None) -> None:
    optimizer = BASES["momentum"](problem.params)
    if model is not None:
        optimizer = sssam.SAM(optimizer, model=model)
        optimizer.zero_grad()
        by_two_lines(problem, optimizer, 3)
        return
    for t in range(3):
        optimizer.zero_grad()
        problem.loss(t).backward()
        optimizer.step()


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_others_have_trained_since_is_kept(wrapped: bool) -> None:
    problem = Problem()
    _left(problem)
    _train(problem, problem.model if wrapped else None)
    trained = flat(problem.params)
    gc.collect()
    assert torch.equal(flat(problem.params), trained)


def test_a_loaded_checkpoint_is_kept() -> None:
    problem, other = Problem(), Problem(seed=1)
    _left(problem)
    problem.model.load_state_dict(other.model.state_dict())
    gc.collect()
    assert torch.equal(flat(problem.params), flat(other.params))


def test_w_comes_back_where_nobody_has_written() -> None:
    problem = Problem()
    w = flat(problem.params)
    _left(problem)
    assert not torch.equal(flat(problem.params), w)
    gc.collect()
    assert torch.equal(flat(problem.params), w)


def test_a_new_optimizer_of_the_model_gives_it_up() -> None:
    problem = Problem(norm=True)
    w = flat(problem.params)
    _left(problem)
    again = sssam.SAM(BASES["momentum"](problem.params), model=problem.model)
    assert torch.equal(flat(problem.params), w)
    again.zero_grad()
    by_two_lines(problem, again, 2)
    assert again.steps == 2


def test_no_noise_stays_on_the_layers() -> None:
    problem = Problem()

    def leave() -> None:
        optimizer = sssam.FlatLoRA(
            BASES["sgd"](problem.params),
            model=problem.model,
            layers="all-linear",
            rho=0.5,
            total_steps=1,
        )
        optimizer.step(closure(problem, optimizer, 0))
        cycle = [optimizer]
        cycle.append(cycle)  # type: ignore[arg-type]
        optimizer.zero_grad()
        optimizer.ascend()
        assert any(module._forward_hooks for module in problem.model.modules())

    leave()
    gc.collect()
    assert not any(module._forward_hooks for module in problem.model.modules())


@pytest.mark.parametrize("fraction", [1.0, 0.25])
def test_a_step_that_a_scaler_skips_stands_at_w(fraction: float) -> None:
    """An average that is updated after `scaler.step` is of w."""
    problem = Problem()
    scaler = GradScaler("cpu", init_scale=float("inf"))
    optimizer = sssam.SAM(
        BASES["momentum"](problem.params), rho=0.3, ascent_fraction=fraction, model=problem.model
    )
    average = AveragedModel(problem.model, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    w = flat(problem.params)
    assert optimizer.will_ascend
    problem.loss(0, fraction).backward()
    optimizer.ascend()
    assert not torch.equal(flat(problem.params), w)
    scaler.scale(problem.loss(0)).backward()
    scaler.step(optimizer)
    scaler.update()
    average.update_parameters(problem.model)
    assert optimizer.steps == 0
    assert torch.equal(flat(problem.params), w)
    assert torch.equal(flat([*average.module.parameters()]), w)
