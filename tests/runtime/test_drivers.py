"""What the forms of the loop promise beyond parity: phases, early decisions, part batches."""

import pytest
import torch
from torch.nn.functional import cross_entropy

import sssam
from sssam.schedules import constant, linear
from tests.problems import BASES, Problem, closure, same


def _sssam(problem: Problem, **more: object) -> sssam.SSSAM:
    options = {
        "schedule": linear(0, 1),
        "total_steps": 40,
        "rho": 0.1,
        "model": problem.model,
        **more,
    }
    return sssam.SSSAM(BASES["momentum"](problem.params), **options)  # type: ignore[arg-type]


def test_the_closure_reads_the_phase() -> None:
    problem = Problem()
    optimizer = _sssam(problem)
    for t in range(40):
        expected = ["ascent", "descent"] if optimizer.will_ascend else ["plain"]
        seen = []

        def run(t: int = t, seen: list[str] = seen) -> torch.Tensor:
            seen.append(optimizer.phase)
            return closure(problem, optimizer, t)()

        optimizer.step(run)
        assert seen == expected
        assert optimizer.phase == "plain"


def test_step_returns_the_loss_at_w() -> None:
    problem = Problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params), rho=2.0, model=problem.model)
    at_w = problem.loss(0).item()
    assert optimizer.step(closure(problem, optimizer, 0)).item() == at_w


def test_an_ascent_closure_of_its_own() -> None:
    ends = []
    for way in ("phase", "ascent closure", "a call's own fraction"):
        problem = Problem()
        fraction = 1.0 if way == "a call's own fraction" else 0.25
        optimizer = _sssam(problem, ascent_fraction=fraction)
        for t in range(40):
            if way == "phase":
                optimizer.step(closure(problem, optimizer, t))
                continue

            def part(t: int = t, problem: Problem = problem) -> torch.Tensor:
                problem.model.zero_grad()
                loss = problem.loss(t, 0.25)
                loss.backward()
                return loss

            whole = closure(problem, torch.optim.SGD(problem.params, lr=1.0), t)
            optimizer.step(whole, ascent_closure=part, ascent_fraction=0.25)
        ends.append((problem.params, optimizer.propagations))
    assert all(same(params, ends[0][0]) for params, _ in ends)
    assert len({propagations for _, propagations in ends}) == 1


def test_a_part_batch_ascent_in_the_two_line_form() -> None:
    one, other = Problem(norm=True, dropout=0.3), Problem(norm=True, dropout=0.3)
    by_lines, by_pass = _sssam(one, ascent_fraction=0.25), _sssam(other, ascent_fraction=0.25)
    for t in range(40):
        if by_lines.will_ascend:
            one.loss(t, 0.25).backward()
            assert by_lines.ascend(fraction=8 / 32)
        one.loss(t).backward()
        by_lines.step()
        by_lines.zero_grad()
    end = torch.get_rng_state()
    torch.manual_seed(0)
    for t in range(40):
        for p in by_pass.passes(other.batch(t)):
            p.backward(cross_entropy(other.model(p.x), p.y))
        by_pass.step()
    assert same(one.params, other.params)
    assert same(list(one.model.buffers()), list(other.model.buffers()))
    assert torch.equal(torch.get_rng_state(), end)
    assert by_lines.propagations == by_pass.propagations == 1 + 0.25 * by_pass.ascents / 40
    assert 0 < by_pass.ascents < 40


def test_will_ascend_can_be_read_any_number_of_times() -> None:
    one, other = Problem(), Problem()
    curious, plain = _sssam(one), _sssam(other)
    for t in range(40):
        assert len({curious.will_ascend for _ in range(3)}) == 1
        one.loss(t).backward()
        if curious.ascend():
            one.loss(t).backward()
        curious.step()
        curious.zero_grad()
        plain.step(closure(other, plain, t))
    assert same(one.params, other.params)


@pytest.mark.parametrize("form", ["closure", "passes", "state_dict"])
def test_reading_will_ascend_early_rewinds_nothing(form: str) -> None:
    """It may be read for a log: what moves until the next step is no trace of a pass."""
    problem = Problem(norm=True)
    optimizer = sssam.SAM(BASES["sgd"](problem.params), model=problem.model)
    assert optimizer.will_ascend
    norm = next(m for m in problem.model.modules() if isinstance(m, torch.nn.BatchNorm1d))
    norm.running_mean.fill_(3.0)
    torch.manual_seed(5)
    torch.rand(1)
    drawn = torch.get_rng_state()
    if form == "closure":
        optimizer.step(closure(problem, optimizer, 0))
    elif form == "passes":
        for p in optimizer.passes(problem.batch(0)):
            p.backward(cross_entropy(problem.model(p.x), p.y))
        optimizer.step()
    else:
        optimizer.state_dict()
    assert torch.equal(torch.get_rng_state(), drawn)
    assert norm.running_mean.mean() > 2.0


def test_momentum_sam_in_two_lines() -> None:
    one, other = Problem(norm=True), Problem(norm=True)
    a = sssam.MSAM(BASES["momentum"](one.params), model=one.model)
    b = sssam.MSAM(BASES["momentum"](other.params), model=other.model)
    for t in range(10):
        assert a.ascend()
        one.loss(t).backward()
        a.step()
        a.zero_grad()
        b.step(closure(other, b, t))
    assert same(one.params, other.params)
    assert same(list(one.model.buffers()), list(other.model.buffers()))
    assert a.propagations == b.propagations == 1.0


@pytest.mark.parametrize("kind", [tuple, list, dict])
def test_batches_of_any_nesting_are_cut(kind: type) -> None:
    problem = Problem()
    optimizer = sssam.SAM(
        BASES["momentum"](problem.params), ascent_fraction=0.1, model=problem.model
    )
    x, y = problem.batch(0)
    batch = {"x": x, "more": [y, "name", 3]} if kind is dict else kind([x, [y, "name", 3]])
    sizes = []
    for p in optimizer.passes(batch):
        part_x, (part_y, *rest) = p.batch.values() if kind is dict else (p.x, p.y)
        sizes.append(len(part_x))
        assert len(part_y) == len(part_x)
        assert rest == ["name", 3]
        p.backward(cross_entropy(problem.model(part_x), part_y))
    optimizer.step()
    assert sizes == [3, 32]
    assert optimizer.counters.forwards == 3 / 32 + 1


def test_expected_and_realised_propagations() -> None:
    problem = Problem()
    optimizer = _sssam(problem, schedule=constant(0.3), draws="systematic", ascent_fraction=0.5)
    assert optimizer.expected_propagations == pytest.approx(1.15, abs=1e-12)
    for t in range(40):
        optimizer.step(closure(problem, optimizer, t))
    assert optimizer.ascents == 12
    assert optimizer.propagations == pytest.approx(1.15, abs=1e-12)


def test_strength_makes_up_for_the_skipped_steps() -> None:
    for strength, factor in (("fixed", 1.0), ("per-step", 2.0), ("total", 2.0)):
        problem = Problem()
        optimizer = _sssam(problem, schedule=constant(0.5), strength=strength)
        while not optimizer.will_ascend:
            optimizer.step(closure(problem, optimizer, 0))
        before = [p.detach().clone() for p in problem.params]
        problem.loss(0).backward()
        optimizer.ascend()
        e = torch.cat(
            [(p.detach() - b).flatten() for p, b in zip(problem.params, before, strict=True)]
        )
        assert e.norm().item() == pytest.approx(0.1 * factor)


def test_the_gradient_at_w_is_freed_before_the_second_pass() -> None:
    """SAM holds one copy of the parameters at its peak, and none between steps."""
    import weakref

    problem = Problem()
    optimizer = sssam.SAM(torch.optim.SGD(problem.params, lr=0.1), model=problem.model)
    held: list[weakref.ref[torch.Tensor]] = []
    alive: list[bool] = []

    def run() -> torch.Tensor:
        if held:
            alive.append(held[0]() is not None)
        loss = closure(problem, optimizer, 0)()
        if not held:
            grad = problem.params[0].grad
            assert grad is not None
            held.append(weakref.ref(grad))
        return loss

    optimizer.step(run)
    assert alive == [False]
