"""Every optimizer gives the iterates of its paper's pseudo-code, in all three forms of the loop."""

import pytest
import torch

from tests.naive import loop
from tests.problems import (
    BASES,
    Convex,
    build,
    by_best,
    by_closure,
    by_passes,
    by_two_lines,
    flat,
    same,
)
from tests.table import STEPS, TABLE

MOMENTUM = {"momentum", "nesterov", "adam", "adamw", "rmsprop", "muon"}
CASES = [
    (name, base, False)
    for name, row in TABLE.items()
    for base in BASES
    if (base in MOMENTUM or not row.needs_momentum) and not (row.norm and base == "muon")
]
CASES += [(name, base, True) for name in TABLE for base in ("momentum", "adamw")]
FORMS = {"closure": by_closure, "two lines": by_two_lines, "passes": by_passes}


@pytest.mark.parametrize(("name", "base", "convex"), CASES)
def test_iterates_and_buffers_equal_the_pseudo_code(name: str, base: str, convex: bool) -> None:
    row = TABLE[name]
    theirs, their_base = build(base, norm=row.norm, convex=convex)
    expected = loop.train(theirs, their_base, row.naive(theirs), STEPS)
    ours, our_base = build(base, norm=row.norm, convex=convex)
    optimizer = row.build(our_base, ours.model)
    for t in range(STEPS):
        by_best(ours, optimizer, 1, t)
        torch.testing.assert_close(flat(ours.params), expected[t], rtol=1e-10, atol=1e-11)
    for p, q in zip(ours.params, theirs.params, strict=True):
        for key, value in their_base.state[q].items():
            torch.testing.assert_close(our_base.state[p][key], value, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("norm", [False, "layer"])
def test_the_convex_problem_is_convex(norm: bool | str) -> None:
    problem, generator = Convex(norm=norm), torch.Generator().manual_seed(1)
    for _ in range(3):
        for p in problem.params:
            p.data = torch.randn(p.shape, generator=generator, dtype=p.dtype)
        parts = torch.autograd.grad(problem.loss(0), problem.params, create_graph=True)
        g = torch.cat([part.reshape(-1) for part in parts])
        rows = [torch.autograd.grad(one, problem.params, retain_graph=True) for one in g]
        hessian = torch.stack([flat(list(row)) for row in rows])
        assert torch.linalg.eigvalsh(hessian)[0] > -1e-12
        assert torch.linalg.eigvalsh(hessian)[-1] > 0.01


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("base", ["momentum", "adamw"])
def test_all_forms_of_the_loop_are_one(name: str, base: str) -> None:
    ends = []
    for form in TABLE[name].forms:
        problem, torch_base = build(base, norm=TABLE[name].norm)
        optimizer = TABLE[name].build(torch_base, problem.model)
        FORMS[form](problem, optimizer, 30)
        ends.append((problem.params, optimizer.propagations, optimizer.ascents))
    assert all(same(params, ends[0][0]) for params, _, _ in ends)
    assert len({rest for _, *rest in map(tuple, ends) for rest in [tuple(rest)]}) == 1


@pytest.mark.parametrize("name", TABLE)
def test_counters_say_what_was_run(name: str) -> None:
    row = TABLE[name]
    problem, base = build("momentum", norm=row.norm)
    optimizer = row.build(base, problem.model)
    forwards, backwards = [], []
    last = problem.model[-1]
    last.register_forward_hook(lambda module, inputs, output: forwards.append(len(output)))
    last.register_full_backward_hook(
        lambda module, inputs, outputs: backwards.append(len(outputs[0]))
    )
    by_best(problem, optimizer, STEPS)
    assert sum(forwards) / 32 == pytest.approx(optimizer.counters.forwards, abs=1e-9)
    assert sum(backwards) / 32 == pytest.approx(optimizer.counters.backwards, abs=1e-9)
    assert optimizer.steps == STEPS
    if row.propagations is None:
        assert optimizer.propagations == 1 + optimizer.ascents / STEPS
        assert 10 < optimizer.ascents < STEPS - 10
    else:
        assert optimizer.propagations == pytest.approx(row.propagations, abs=1e-12)
