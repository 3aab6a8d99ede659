"""Functional SAM: what it sees of a model's outputs, in loops of all kinds."""

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import sssam
from sssam.methods import Ascent, GradientSwitch
from sssam.roles import Euclidean, Fresh, Rising, Threshold
from tests.problems import BASES, Problem, by_closure, by_passes, same


def _optimizer(problem: Problem, **more: Any) -> sssam.FunctionalSAM:
    return sssam.FunctionalSAM(
        BASES["momentum"](problem.params), rho=0.1, model=problem.model, **more
    )


def _train(problem: Problem, optimizer: Any, loss: Any, steps: int = 5) -> None:
    for t in range(steps):
        for p in optimizer.passes(problem.batch(t)):
            p.backward(loss(problem.model(p.x), p.y))
        optimizer.step()


def test_where_the_loss_is_linear_in_the_outputs_it_is_sam() -> None:
    one, other = Problem(), Problem()
    sam = sssam.SAM(BASES["momentum"](other.params), rho=0.1, model=other.model)
    for problem, optimizer in ((one, _optimizer(one)), (other, sam)):
        _train(problem, optimizer, lambda outputs, y: outputs.sum())
    assert same(one.params, other.params)


def test_elsewhere_it_is_not() -> None:
    one, other = Problem(), Problem()
    sam = sssam.SAM(BASES["momentum"](other.params), rho=0.1, model=other.model)
    by_passes(one, _optimizer(one), 3)
    by_passes(other, sam, 3)
    assert not same(one.params, other.params)


class Named(nn.Module):
    """A model whose output has its logits beside other things."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Any:
        logits = self.inner(x)
        return SimpleNamespace(logits=logits, other=(1, 2))


def test_outputs_that_have_logits() -> None:
    one, other = Problem(), Problem()
    named = Named(other.model)
    base = BASES["momentum"](other.params)
    for problem, optimizer, loss in (
        (
            one,
            _optimizer(one),
            lambda t: cross_entropy(one.model(one.batch(t)[0]), one.batch(t)[1]),
        ),
        (
            other,
            sssam.FunctionalSAM(base, rho=0.1, model=named),
            lambda t: cross_entropy(named(other.batch(t)[0]).logits, other.batch(t)[1]),
        ),
    ):
        for t in range(3):
            for p in optimizer.passes(problem.batch(t)):
                p.backward(loss(t))
            optimizer.step()
    assert same(one.params, other.params)


def test_other_outputs_are_refused() -> None:
    problem = Problem()
    model = nn.Sequential(problem.model, _Pair())
    optimizer = sssam.FunctionalSAM(BASES["sgd"](problem.params), model=model)
    with pytest.raises(TypeError, match="output must be a tensor, or have one named logits, not a"):
        optimizer.step(lambda: model(problem.batch(0)[0])[0].sum())


class _Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


def test_a_model_is_needed() -> None:
    with pytest.raises(ValueError, match=r"model must be the torch\.nn\.Module that is trained"):
        sssam.FunctionalSAM(BASES["sgd"](Problem().params), model=None)  # type: ignore[arg-type]


def test_another_batch_in_the_second_pass_is_refused_with_the_weights_at_w() -> None:
    problem = Problem()
    optimizer, before = _optimizer(problem), [p.detach().clone() for p in problem.params]

    def closure() -> Tensor:
        optimizer.zero_grad()
        part = 0.5 if optimizer.phase == "descent" else 1.0
        loss = problem.loss(0, part)
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match=r"outputs of shape \(16, 3\), .* had \[\(32, 3\)\]"):
        optimizer.step(closure)
    assert same(problem.params, before)


def test_forward_passes_that_no_backward_pass_follows_do_not_count() -> None:
    one, other = Problem(), Problem()
    plain, disturbed = _optimizer(one), _optimizer(other)
    for t in range(3):
        for problem, optimizer, more in ((one, plain, False), (other, disturbed, True)):
            if more:
                problem.loss(t + 1)  # with gradients, as a look at the loss may be
                problem.loss(t + 1).backward()  # given up: its gradients are cleared
                optimizer.zero_grad()
            problem.loss(t).backward()
            assert optimizer.ascend()
            problem.loss(t).backward()
            optimizer.step()
            optimizer.zero_grad()
    assert same(one.params, other.params)


def test_micro_batches_are_met_in_their_order() -> None:
    """The mean over two halves is the whole batch's."""
    whole, halves = Problem(), Problem()
    one, other = _optimizer(whole), _optimizer(halves)

    def closure(t: int) -> Any:
        def run() -> Tensor:
            other.zero_grad()
            x, y = halves.batch(t)
            parts = [cross_entropy(halves.model(x[i::2]), y[i::2]) / 2 for i in range(2)]
            for part in parts:
                part.backward()
            return sum(parts)  # type: ignore[return-value]

        return run

    for t in range(3):
        other.step(closure(t))
    by_closure(whole, one, 3)
    for p, q in zip(whole.params, halves.params, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-10, atol=1e-12)


def test_a_later_optimizer_takes_the_hook_over_and_a_copied_model_has_none() -> None:
    problem = Problem()
    first, second = _optimizer(problem), _optimizer(problem)
    assert len(problem.model._forward_hooks) == 1
    by_passes(problem, second, 1)
    assert not first._training.outputs._noted
    alone = copy.deepcopy(problem.model)
    alone(problem.batch(0)[0]).sum().backward()
    assert not second._training.outputs._noted


def test_what_it_does_not_go_with_is_refused() -> None:
    with pytest.raises(ValueError, match="functional=True needs the loss's derivative of every"):
        Ascent(Fresh(0.5), Euclidean(0.1), functional=True)
    with pytest.raises(ValueError, match=r"functional=True needs .*Rising"):
        Ascent(Fresh(), Euclidean(0.1), samples=Rising(0.5), functional=True)
    with pytest.raises(ValueError, match="begins with another pass"):
        GradientSwitch(Threshold(9), Ascent(Fresh(), Euclidean(0.1), functional=True))
