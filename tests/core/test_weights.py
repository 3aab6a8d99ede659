"""Back at w: bitwise, in the same storage, through any exception, whatever the loop does."""

import pytest
import torch

import sssam
from sssam.schedules import constant
from tests.problems import BASES, Problem, by_best, by_passes, closure, flat, pass_loss, same
from tests.table import TABLE


class PointedError(Exception):
    """What the tests throw."""


def _storage(problem: Problem) -> list[tuple[int, int]]:
    return [(id(p), p.data_ptr()) for p in problem.params]


@pytest.mark.parametrize("name", TABLE)
def test_weights_keep_their_storage(name: str) -> None:
    problem = TABLE[name].problem(dtype=torch.float32)
    optimizer = TABLE[name].build(BASES["momentum"](problem.params), problem.model)
    before = _storage(problem)
    by_best(problem, optimizer, 20)
    assert _storage(problem) == before


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_back_at_w_bitwise(dtype: torch.dtype) -> None:
    problem = Problem()
    problem.model.to(torch.float32)
    optimizer = sssam.SAM(torch.optim.SGD(problem.params, lr=0.0), rho=3.0, model=False)
    for p in problem.params:
        p.data = p.data.to(dtype)
    with torch.no_grad():
        problem.params[0][0, 0] = -0.0
    before = [p.detach().clone() for p in problem.params]
    for p in problem.params:
        p.grad = torch.randn_like(p)
    assert optimizer.ascend()
    assert not same(problem.params, before)
    optimizer.restore()
    assert same(problem.params, before)


@pytest.mark.parametrize("exception", [PointedError, KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("at_pass", [1, 2, 3])
@pytest.mark.parametrize("moment", ["before backward", "after backward"])
@pytest.mark.parametrize("name", TABLE)
def test_a_pass_that_raises_leaves_w(
    name: str, moment: str, at_pass: int, exception: type[BaseException]
) -> None:
    problem = Problem(norm=True)
    optimizer = TABLE[name].build(BASES["momentum"](problem.params), problem.model)
    by_best(problem, optimizer, 1)
    while TABLE[name].passes > 1 and optimizer.method.acts(optimizer.steps) is False:
        by_best(problem, optimizer, 1)
    before, steps = [p.detach().clone() for p in problem.params], optimizer.steps
    calls = 0

    def fail(after: bool) -> None:
        nonlocal calls
        calls += not after
        if calls == at_pass and after == (moment == "after backward"):
            raise exception

    def failing() -> torch.Tensor:
        fail(after=False)
        loss = closure(problem, optimizer, 1)()
        fail(after=True)
        return loss

    def step() -> None:
        if not optimizer.method.facts.needs_batch:
            optimizer.step(failing)
            return
        for p in optimizer.passes(problem.batch(1)):
            fail(after=False)
            p.backward(pass_loss(problem, optimizer, p))
            fail(after=True)
        optimizer.step()

    if at_pass <= TABLE[name].passes:
        with pytest.raises(exception):
            step()
        assert same(problem.params, before)
        assert optimizer.steps == steps
        assert optimizer.phase == "plain"
    by_best(problem, optimizer, 1)  # and training goes on
    assert optimizer.steps == steps + 1


def test_a_base_that_raises_leaves_w_and_the_counters() -> None:
    problem = Problem()
    base = BASES["momentum"](problem.params)
    optimizer = sssam.SAM(base, model=problem.model)

    def refuse(*args: object) -> None:
        raise PointedError

    handle = base.register_step_pre_hook(refuse)
    before = [p.detach().clone() for p in problem.params]
    with pytest.raises(PointedError):
        optimizer.step(closure(problem, optimizer, 0))
    assert same(problem.params, before)
    assert optimizer.steps == 0
    handle.remove()
    optimizer.step(closure(problem, optimizer, 0))
    assert optimizer.steps == 1


def _ascended() -> tuple[Problem, sssam.SAM, list[torch.Tensor]]:
    problem = Problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params), model=problem.model)
    before = [p.detach().clone() for p in problem.params]
    problem.loss(0).backward()
    assert optimizer.ascend()
    assert not same(problem.params, before)
    return problem, optimizer, before


@pytest.mark.parametrize(
    "call", ["restore", "state_dict", "ascend", "deepcopy", "load", "closure", "passes", "add"]
)
def test_each_other_call_returns_to_w_first(call: str) -> None:
    problem, optimizer, before = _ascended()
    seen = []

    def look() -> torch.Tensor:
        if not seen:
            seen.append(same(problem.params, before))
        return closure(problem, optimizer, 0)()

    if call == "restore":
        optimizer.restore()
    elif call == "state_dict":
        optimizer.state_dict()
    elif call == "ascend":
        with pytest.raises(RuntimeError, match="twice"):
            optimizer.ascend()
    elif call == "deepcopy":
        import copy

        copy.deepcopy(optimizer)
    elif call == "load":
        optimizer.load_state_dict(BASES["momentum"](Problem().params).state_dict())
    elif call == "closure":
        optimizer.step(look)
        assert seen == [True]
        return
    elif call == "passes":
        next(iter(optimizer.passes(problem.batch(0))))
    elif call == "add":
        optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(2))]})
    assert same(problem.params, before)
    assert optimizer.steps == 0


def test_a_skipped_step_is_seen_at_zero_grad() -> None:
    problem, optimizer, before = _ascended()
    optimizer.zero_grad()  # between the passes: nothing to clear, and the step goes on
    assert not same(problem.params, before)
    problem.loss(0).backward()
    optimizer.zero_grad()  # instead of step(), as a GradScaler does on overflow
    assert same(problem.params, before)
    problem.loss(0).backward()
    assert optimizer.ascend()
    problem.loss(0).backward()
    optimizer.step()
    assert optimizer.steps == 1


def test_a_skipped_plain_step_is_seen_at_zero_grad() -> None:
    problem = Problem()
    optimizer = sssam.SSSAM(
        BASES["momentum"](problem.params), schedule=constant(0), total_steps=9, model=False
    )
    for _ in range(2):
        problem.loss(0).backward()
        assert not optimizer.ascend()
        optimizer.zero_grad()
    assert optimizer.steps == 0


def test_a_loop_over_passes_that_is_left_returns_to_w() -> None:
    problem = Problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params), model=problem.model)
    before = flat(problem.params)
    for p in optimizer.passes(problem.batch(0)):
        p.backward(torch.nn.functional.cross_entropy(problem.model(p.x), p.y))
        if p.phase == "descent":
            break
    assert torch.equal(flat(problem.params), before)
    with pytest.raises(RuntimeError, match="ascend"):
        optimizer.step()


def _keeps(name: str) -> bool:
    problem = TABLE[name].problem()
    return bool(
        TABLE[name].build(BASES["momentum"](problem.params), problem.model).method.facts.keeps
    )


KEEPING = [name for name in TABLE if _keeps(name)]


@pytest.mark.parametrize("how", ["left", "skipped"])
@pytest.mark.parametrize("name", KEEPING)
def test_a_step_that_is_given_up_leaves_nothing_in_what_is_kept(name: str, how: str) -> None:
    """Neither one left between its passes, nor one whose update a GradScaler skips."""
    calm, harried = TABLE[name].problem(), TABLE[name].problem()
    reference = TABLE[name].build(BASES["momentum"](calm.params), calm.model)
    optimizer = TABLE[name].build(BASES["momentum"](harried.params), harried.model)
    by_passes(calm, reference, 12)
    for t in range(12):
        for p in optimizer.passes(harried.batch(t + 1)):  # another batch, and then its own
            p.backward(pass_loss(harried, optimizer, p))
            if how == "left" and p.phase == "descent":
                break
        optimizer.restore()
        by_passes(harried, optimizer, 1, t)
    assert same(calm.params, harried.params)


def test_a_loop_over_passes_that_is_kept_alive_does_not_touch_a_later_step() -> None:
    """As a traceback does that a notebook keeps: it is closed in the midst of another step."""
    problem, other = Problem(), Problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params), model=problem.model)
    reference = sssam.SAM(BASES["momentum"](other.params), model=other.model)
    left = optimizer.passes(problem.batch(5))
    next(left)
    optimizer.restore()
    problem.loss(0).backward()
    assert optimizer.ascend()
    moved = flat(problem.params)
    left.close()
    assert torch.equal(flat(problem.params), moved)
    problem.loss(0).backward()
    optimizer.step()
    by_passes(other, reference, 1)
    assert same(problem.params, other.params)


def test_a_call_that_gives_a_step_up_between_its_passes_is_an_error() -> None:
    problem = Problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params), model=problem.model)
    before = flat(problem.params)
    passes = optimizer.passes(problem.batch(0))
    p = next(passes)
    p.backward(torch.nn.functional.cross_entropy(problem.model(p.x), p.y))
    optimizer.state_dict()
    with pytest.raises(RuntimeError, match="given up between its passes"):
        next(passes)
    assert torch.equal(flat(problem.params), before)
    by_passes(problem, optimizer, 1)
    assert optimizer.steps == 1
