"""Loops that would train something else than was meant, and say nothing: an error each."""

import re

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sssam
from tests.problems import BASES, INPUTS, Problem, by_closure, by_passes, by_two_lines, flat


def _never(problem: Problem) -> sssam.SharpnessAware:
    """Whose first step is plain."""
    base = BASES["momentum"](problem.params)
    late = sssam.schedules.late(0.5)
    return sssam.SSSAM(base, schedule=late, total_steps=10, model=problem.model)


def test_a_second_backward_after_ascend_returned_false() -> None:
    problem = Problem()
    optimizer = _never(problem)
    problem.loss(0).backward()
    assert not optimizer.ascend()
    with pytest.raises(RuntimeError, match=r"after ascend\(\) had returned False.*zero_grad"):
        problem.loss(0).backward()
    optimizer.zero_grad()
    by_two_lines(problem, optimizer, 10)
    assert optimizer.ascents == 5


def test_it_is_refused_between_ascend_and_step_alone() -> None:
    problem = Problem()
    optimizer = _never(problem)
    problem.loss(0).backward()
    optimizer.ascend()
    optimizer.step()
    problem.loss(0).backward()  # of the next step, the gradient of before not cleared
    assert not any(p._post_accumulate_grad_hooks for p in problem.params)


def test_passes_twice_before_a_step() -> None:
    problem = Problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params), model=problem.model)

    def run(t: int) -> None:
        for p in optimizer.passes(problem.batch(t)):
            p.backward(cross_entropy(problem.model(p.x), p.y))

    run(0)
    with pytest.raises(RuntimeError, match=r"passes\(\) was called again before step\(\)"):
        run(1)
    optimizer.step()
    run(2)
    optimizer.zero_grad()  # skipped
    run(3)
    optimizer.restore()  # skipped
    run(4)
    optimizer.step()
    assert optimizer.steps == 2


def test_a_step_that_a_scaler_skipped_is_followed_by_passes() -> None:
    problem = Problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params), model=problem.model)
    scaler = torch.amp.GradScaler("cpu", init_scale=float("inf"))
    for t in range(2):
        for p in optimizer.passes(problem.batch(t), scaler=scaler):
            p.backward(cross_entropy(problem.model(p.x), p.y))
        scaler.step(optimizer)
        scaler.update()
    assert optimizer.steps == 0


def _freeze(problem: Problem) -> None:
    problem.params[0].requires_grad_(False)


def _thaw(problem: Problem) -> None:
    problem.params[0].requires_grad_(True)


@pytest.mark.parametrize("reads", [False, True])
def test_parameters_that_change_after_will_ascend_was_read(reads: bool) -> None:
    one, other = Problem(), Problem()
    optimizers = [
        sssam.SAM(BASES["momentum"](each.params), model=each.model) for each in (one, other)
    ]
    for problem, optimizer, read in zip((one, other), optimizers, (reads, False), strict=True):
        for t, change in enumerate((_freeze, _thaw, _freeze, _thaw)):
            if read:
                assert optimizer.will_ascend
            change(problem)
            by_two_lines(problem, optimizer, 1, t)
    assert torch.equal(flat(one.params), flat(other.params))


def test_a_part_of_the_batch_is_decided_for_the_parameters_of_then() -> None:
    problem = Problem()
    optimizer = sssam.SAM(
        BASES["momentum"](problem.params), ascent_fraction=0.25, model=problem.model
    )
    assert optimizer.will_ascend
    _freeze(problem)
    problem.loss(0, 0.25).backward()
    with pytest.raises(RuntimeError, match="after will_ascend was read"):
        optimizer.ascend()


class _Parts(nn.Module):
    """A network whose loss can be made without its own call."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(INPUTS, 3, dtype=torch.float64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits(x)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(x)
        return found


@pytest.mark.parametrize("seen", [0, 1])
def test_functional_sam_needs_the_call_of_its_model(seen: int) -> None:
    problem, model = Problem(), _Parts()
    optimizer = sssam.FunctionalSAM(torch.optim.SGD(model.parameters(), lr=0.1), model=model)
    x, y = problem.batch(0)
    calls = [*[model] * seen, *[model.logits] * 2]

    def run() -> None:
        for p, call in zip(optimizer.passes((x, y)), calls, strict=False):
            p.backward(cross_entropy(call(p.x), p.y))

    with pytest.raises(RuntimeError, match=re.escape("did not come from model(...)")):
        run()


@pytest.mark.parametrize("form", [by_closure, by_two_lines, by_passes])
def test_gradients_that_stand_as_zeros_are_the_base_s(form: object) -> None:
    """At rho 0 momentum and weight decay go on where a head is not used, as the base's do."""

    class Heads(Problem):
        def __init__(self) -> None:
            super().__init__()
            self.heads = [nn.Linear(8, 3).to(torch.float64) for _ in range(2)]
            with torch.no_grad():
                for head in self.heads:
                    head.weight.fill_(0.1)
                    head.bias.fill_(0.2)
            self.trunk = self.model
            self.model = nn.ModuleList([self.trunk, *self.heads])  # type: ignore[assignment]

        def loss(self, t: int, part: float = 1.0) -> torch.Tensor:
            x, y = self.batch(t)
            return cross_entropy(self.heads[t % 2](self.trunk[:4](x)), y)

    one, other = Heads(), Heads()
    base = BASES["momentum"](one.params)
    sam = sssam.SAM(BASES["momentum"](other.params), rho=0.0, model=other.model)
    for t in range(6):
        base.zero_grad(set_to_none=False)
        one.loss(t).backward()
        base.step()
        if form is by_closure:

            def closure(t: int = t) -> torch.Tensor:
                sam.zero_grad(set_to_none=False)
                loss = other.loss(t)
                loss.backward()
                return loss

            sam.step(closure)
            continue
        sam.zero_grad(set_to_none=False)
        if form is by_two_lines:
            other.loss(t).backward()
            if sam.ascend():
                other.loss(t).backward()
        else:
            for p in sam.passes(other.batch(t)):
                p.backward(other.loss(t))
        sam.step()
    assert torch.equal(flat(one.params), flat(other.params))


def test_a_checkpoint_that_was_loaded_into_the_base() -> None:
    problem = Problem()
    optimizer = _never(problem)
    by_two_lines(problem, optimizer, 6)
    base = BASES["momentum"](problem.params)
    base.load_state_dict(optimizer.state_dict())
    with pytest.raises(ValueError, match=r"after 6 steps.*load the checkpoint into it"):
        sssam.SAM(base, model=problem.model)


def test_lazy_parameters_are_no_copies() -> None:
    model = nn.Sequential(nn.LazyLinear(3))
    optimizer = sssam.SAM(torch.optim.SGD(model.parameters(), lr=0.1), model=model)
    model(torch.ones(2, 4)).sum().backward()
    assert optimizer.ascend()
