"""What loops do beside the plain case: the rest of torch, used as people use it."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.checkpoint import checkpoint

import sssam
from sssam.schedules import constant
from tests.problems import BASES, Problem, by_closure, by_two_lines, closure, flat, same


def _sssam(problem: Problem, base: torch.optim.Optimizer | None = None, **more: Any) -> sssam.SSSAM:
    settings = {"schedule": constant(0.5), "total_steps": 40, "rho": 0.1, "model": problem.model}
    return sssam.SSSAM(base or BASES["momentum"](problem.params), **(settings | more))


def test_accumulation_over_micro_batches_equals_the_whole_batch() -> None:
    whole, parts, lines = Problem(), Problem(), Problem()
    by_closure(whole, _sssam(whole), 20)

    def micro(problem: Problem, t: int) -> torch.Tensor:
        x, y = problem.batch(t)
        losses = []
        for rows in (slice(0, 8), slice(8, 32)):
            loss = cross_entropy(problem.model(x[rows]), y[rows]) * len(x[rows]) / 32
            loss.backward()
            losses.append(loss.detach())
        return sum(losses)

    optimizer, other = _sssam(parts), _sssam(lines)
    for t in range(20):

        def closure(t: int = t) -> torch.Tensor:
            optimizer.zero_grad()
            return micro(parts, t)

        optimizer.step(closure)
        micro(lines, t)
        if other.ascend():
            micro(lines, t)
        other.step()
        other.zero_grad()
    torch.testing.assert_close(flat(whole.params), flat(parts.params), rtol=1e-10, atol=1e-12)
    assert same(parts.params, lines.params)


@pytest.mark.parametrize("kind", ["norm", "value"])
def test_clipping_after_the_second_pass_bounds_the_gradient_that_the_base_sees(kind: str) -> None:
    problem = Problem()
    optimizer = _sssam(problem, torch.optim.SGD(problem.params, lr=1.0))
    for t in range(20):
        before = flat(problem.params)
        problem.loss(t).backward()
        if optimizer.ascend():
            problem.loss(t).backward()
        if kind == "norm":
            nn.utils.clip_grad_norm_(problem.params, 1e-3)
        else:
            nn.utils.clip_grad_value_(problem.params, 1e-4)
        optimizer.step()
        optimizer.zero_grad()
        moved = flat(problem.params) - before
        bound = moved.norm() <= 1.001e-3 if kind == "norm" else moved.abs().max() <= 1.001e-4
        assert bound


def test_parameters_can_be_frozen_and_thawed_in_mid_run() -> None:
    problem = Problem()
    optimizer = sssam.LookSAM(BASES["adamw"](problem.params), rho=0.1, k=2, model=False)
    first, rest = problem.params[0], problem.params[1:]
    by_closure(problem, optimizer, 3)
    first.requires_grad_(False)
    first.grad = None
    kept, others = first.clone(), flat(rest)
    by_closure(problem, optimizer, 4, 3)
    assert torch.equal(first, kept)
    assert not torch.equal(flat(rest), others)
    first.requires_grad_(True)
    by_closure(problem, optimizer, 3, 7)
    assert not torch.equal(first, kept)


def test_parameters_shared_between_modules_move_once() -> None:
    table = nn.Embedding(7, 4)
    head = nn.Linear(4, 7, bias=False)
    head.weight = table.weight
    model = nn.Sequential(table, head)
    optimizer = sssam.SAM(torch.optim.SGD(model.parameters(), lr=0.1), rho=0.3, model=model)
    x = torch.tensor([1, 2, 3])
    before = table.weight.detach().clone()
    cross_entropy(model(x), x).backward()
    optimizer.ascend()
    assert (table.weight - before).norm().item() == pytest.approx(0.3, rel=1e-5)
    optimizer.restore()
    assert torch.equal(table.weight, before)


def test_a_compiled_model_is_not_compiled_again_when_steps_alternate() -> None:
    problem = Problem(dtype=torch.float32, norm=True)
    plain = Problem(dtype=torch.float32, norm=True)
    compilations = 0

    def backend(module: Any, inputs: Any) -> Any:
        nonlocal compilations
        compilations += 1
        return module.forward

    torch.compiler.reset()
    compiled = torch.compile(problem.model, backend=backend)
    optimizer, other = _sssam(problem, model=compiled), _sssam(plain)
    after_warm_up = 0
    for t in range(30):
        x, y = problem.batch(t)
        for p in optimizer.passes((x, y)):
            p.backward(cross_entropy(compiled(p.x), p.y))
        optimizer.step()
        after_warm_up = compilations if t == 4 else after_warm_up
    assert 0 < optimizer.ascents < 30
    assert compilations == after_warm_up > 0
    by_closure(plain, other, 30)
    assert same(problem.params, plain.params)
    assert same(list(problem.model.buffers()), list(plain.model.buffers()))


@pytest.mark.filterwarnings("ignore")  # torch warns of its own deprecated parts while it traces
def test_a_compiled_step_gives_the_same_weights() -> None:
    one, other = Problem(), Problem()
    eager, traced = _sssam(one), _sssam(other)
    by_closure(one, eager, 6)
    torch.compiler.reset()
    step = torch.compile(lambda run: traced.step(run), backend="eager")
    for t in range(6):
        step(closure(other, traced, t))
    torch.testing.assert_close(flat(one.params), flat(other.params), rtol=1e-13, atol=1e-15)
    assert 0 < eager.ascents == traced.ascents < 6


@pytest.mark.parametrize("options", [{"foreach": True}, {"fused": True}, {"foreach": False}])
@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.SGD])
def test_foreach_and_fused_bases(kind: Any, options: dict[str, bool]) -> None:
    one, other = Problem(), Problem()
    by_closure(one, _sssam(one, kind(one.params, lr=0.01, **options)), 20)
    by_closure(other, _sssam(other, kind(other.params, lr=0.01)), 20)
    torch.testing.assert_close(flat(one.params), flat(other.params), rtol=1e-9, atol=1e-12)


def test_a_learning_rate_that_is_a_tensor() -> None:
    one, other = Problem(), Problem()
    by_closure(one, _sssam(one, torch.optim.SGD(one.params, lr=torch.tensor(0.05))), 10)
    by_closure(other, _sssam(other, torch.optim.SGD(other.params, lr=0.05)), 10)
    torch.testing.assert_close(flat(one.params), flat(other.params), rtol=1e-6, atol=1e-9)


def test_averages_of_weights_are_taken_at_w() -> None:
    problem = Problem()
    optimizer = _sssam(problem, schedule=constant(1))
    average = AveragedModel(problem.model, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    expected = [p.detach().clone() for p in problem.params]
    for t in range(6):
        by_closure(problem, optimizer, 1, t)
        average.update_parameters(problem.model)
        expected = (
            [p.detach().clone() for p in problem.params]
            if t == 0
            else [0.5 * e + 0.5 * p.detach() for e, p in zip(expected, problem.params, strict=True)]
        )
    torch.testing.assert_close(list(average.module.parameters()), expected)


def test_gradient_checkpointing() -> None:
    ends = []
    for checkpointed in (False, True):
        torch.manual_seed(0)
        problem = Problem(dropout=0.3)

        def loss(t: int, problem: Problem = problem, checkpointed: bool = checkpointed) -> Any:
            x, y = problem.batch(t)
            hidden = problem.model[:2]
            inner = checkpoint(hidden, x, use_reentrant=False) if checkpointed else hidden(x)
            return cross_entropy(problem.model[2:](inner), y)

        optimizer = _sssam(problem)
        for t in range(10):
            for p in optimizer.passes(problem.batch(t)):
                p.backward(loss(t))
            optimizer.step()
        ends.append(problem.params)
    assert same(*ends)


def test_several_losses_and_several_backward_calls() -> None:
    one, other = Problem(), Problem()
    together, apart = _sssam(one), _sssam(other)
    for t in range(10):

        def added(t: int = t) -> torch.Tensor:
            together.zero_grad()
            loss = one.loss(t) + 0.5 * one.loss(t + 1)
            loss.backward()
            return loss

        def called(t: int = t) -> torch.Tensor:
            apart.zero_grad()
            first, second = other.loss(t), 0.5 * other.loss(t + 1)
            first.backward()
            second.backward()
            return first.detach() + second.detach()

        together.step(added)
        apart.step(called)
    torch.testing.assert_close(flat(one.params), flat(other.params), rtol=1e-10, atol=1e-12)


def test_two_models_with_two_wrapped_optimizers() -> None:
    """As in adversarial training: the steps interleave, and neither touches the other."""
    generator, critic = Problem(seed=1), Problem(seed=2)
    ours = sssam.SAM(BASES["momentum"](generator.params), rho=0.1, model=generator.model)
    theirs = sssam.SAM(BASES["adam"](critic.params), rho=0.1, model=critic.model)
    for t in range(5):
        still = flat(critic.params)
        generator.loss(t).backward()
        assert ours.ascend()
        assert torch.equal(flat(critic.params), still)
        critic.loss(t).backward()  # the two steps interleaved
        assert theirs.ascend()
        generator.loss(t).backward()
        ours.step()
        critic.loss(t).backward()
        theirs.step()
        ours.zero_grad()
        theirs.zero_grad()
    alone = Problem(seed=1)
    by_two_lines(alone, sssam.SAM(BASES["momentum"](alone.params), rho=0.1, model=alone.model), 5)
    assert same(alone.params, generator.params)


def test_an_evaluation_between_the_passes() -> None:
    one, other = Problem(norm=True), Problem(norm=True)
    disturbed, calm = _sssam(one), _sssam(other)
    for t in range(10):
        one.loss(t).backward()
        moved = disturbed.ascend()
        one.model.eval()
        with torch.no_grad():
            one.loss(t + 3)
        one.model.train()
        if moved:
            one.loss(t).backward()
        disturbed.step()
        disturbed.zero_grad()
    by_two_lines(other, calm, 10)
    assert same(one.params, other.params)
    assert same(list(one.model.buffers()), list(other.model.buffers()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_parameters_with_master_copies_outside(dtype: torch.dtype) -> None:
    """The model in half precision is perturbed; the optimizer outside steps on float32 copies."""
    problem = Problem(dtype=torch.float32)
    masters = [p.detach().clone() for p in problem.params]
    problem.model.to(dtype)
    inner = sssam.SAM(torch.optim.SGD(problem.params, lr=0.0), rho=0.1, model=problem.model)
    outer = torch.optim.SGD(masters, lr=0.1)
    x, y = problem.batch(0)
    first = cross_entropy(problem.model(x.to(dtype)).float(), y).item()
    for _ in range(30):
        for p in inner.passes((x.to(dtype), y)):
            p.backward(cross_entropy(problem.model(p.x).float(), p.y))
        for master, q in zip(masters, problem.params, strict=True):
            assert q.grad is not None
            master.grad = q.grad.float()
        inner.step()
        outer.step()
        for master, q in zip(masters, problem.params, strict=True):
            q.data.copy_(master)
    assert cross_entropy(problem.model(x.to(dtype)).float(), y).item() < 0.9 * first
