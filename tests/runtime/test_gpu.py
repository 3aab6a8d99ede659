"""On a CUDA device: scaling, no waiting on the hot path, capturable and fused bases."""

from typing import Any

import pytest
import torch
from torch.amp import GradScaler
from torch.nn.functional import cross_entropy

import sssam
from benchmarks.gpu import no_waiting
from sssam.schedules import constant
from tests.problems import BASES, Problem, flat, same
from tests.runtime.test_scaling import scaled_step
from tests.table import TABLE

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

FORMS = ["closure", "two lines", "passes"]
#: Methods that decide by a norm on the host, and say so.
WAITS = {"AESAM", "AESAM look-ahead", "SALA"}
#: Methods that choose samples: how many is a number that the host needs.
CHOOSES = {"ESAM", "KSAM"}


def _problem(**more: Any) -> Problem:
    problem = Problem(dtype=torch.float32, **more)
    problem._x, problem._y = problem._x.cuda(), problem._y.cuda()
    problem.model.cuda()
    return problem


def _step(problem: Problem, optimizer: Any, form: str) -> None:
    t = optimizer.steps
    if form == "closure":

        def run() -> torch.Tensor:
            optimizer.zero_grad()
            part = optimizer.method.facts.ascent_fraction if optimizer.phase == "ascent" else 1.0
            loss = problem.loss(t, part)
            loss.backward()
            return loss

        optimizer.step(run)
    elif form == "two lines":
        problem.loss(t).backward()
        if optimizer.ascend():
            problem.loss(t).backward()
        optimizer.step()
        optimizer.zero_grad()
    else:
        for p in optimizer.passes(problem.batch(t)):
            p.backward(cross_entropy(problem.model(p.x), p.y))
        optimizer.step()


@pytest.mark.parametrize(
    ("name", "form"),
    [(n, form) for n, row in TABLE.items() if n not in WAITS | CHOOSES for form in row.forms],
)
def test_no_step_waits_for_the_device(name: str, form: str) -> None:
    problem = _problem(norm=TABLE[name].norm)
    optimizer = TABLE[name].build(BASES["momentum"](problem.params), problem.model)
    for _ in range(6):  # whatever is made once is made here
        _step(problem, optimizer, form)
    with no_waiting(torch.device("cuda")):
        for _ in range(6):
            _step(problem, optimizer, form)
    assert optimizer.steps == 12
    assert torch.isfinite(flat(problem.params)).all()


@pytest.mark.parametrize("name", [name for name in TABLE if name not in CHOOSES])
def test_the_device_agrees_with_the_host(name: str) -> None:
    row = TABLE[name]
    here, there = Problem(dtype=torch.float32, norm=row.norm), _problem(norm=row.norm)
    if name in ("MicroSAM", "RandomPerturbation"):
        pytest.skip("the device's generator draws other numbers than the host's")
    form = row.forms[0]
    ours = row.build(BASES["momentum"](here.params), here.model)
    theirs = row.build(BASES["momentum"](there.params), there.model)
    for _ in range(10):
        _step(here, ours, form)
        _step(there, theirs, form)
    torch.testing.assert_close(flat(here.params), flat(there.params).cpu(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_float16_autocast_and_scaling(form: str) -> None:
    problem = _problem(norm=True)
    optimizer = sssam.SSSAM(
        BASES["momentum"](problem.params),
        schedule=constant(0.5),
        total_steps=80,
        mix=0.7,
        model=problem.model,
    )
    scaler = GradScaler("cuda", init_scale=2.0**24)
    first = problem.loss(0).item()
    for _ in range(80):
        with torch.autocast("cuda", dtype=torch.float16):
            scaled_step(problem, optimizer, scaler, 0, form)
    assert problem.loss(0).item() < 0.7 * first
    assert scaler.get_scale() < 2.0**24
    assert 0 < optimizer.steps < 80


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("overflow", [{"ascent"}, {"descent"}, {"ascent", "descent"}])
def test_overflow(form: str, overflow: set[str]) -> None:
    problem = _problem()
    optimizer = sssam.SAM(BASES["momentum"](problem.params), rho=0.1, model=problem.model)
    scaler = GradScaler("cuda", init_scale=2.0**10, growth_interval=10**6)
    before = [p.detach().clone() for p in problem.params]
    scaled_step(problem, optimizer, scaler, 0, form, frozenset(overflow))
    skipped = "descent" in overflow
    assert same([p.cpu() for p in problem.params], [p.cpu() for p in before]) == skipped
    assert optimizer.steps == (0 if skipped else 1)
    assert optimizer.counters.voided == ("ascent" in overflow)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", [{"capturable": True}, {"fused": True}, {"foreach": True}])
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
def test_capturable_and_fused_bases(kind: Any, options: dict[str, bool], form: str) -> None:
    one, other = _problem(), _problem()
    ours = sssam.SAM(kind(one.params, lr=0.01, **options), rho=0.1, model=False)
    plain = sssam.SAM(kind(other.params, lr=0.01), rho=0.1, model=False)
    for _ in range(4):
        _step(one, ours, form)
        _step(other, plain, form)
    with no_waiting(torch.device("cuda")):
        for _ in range(6):
            _step(one, ours, form)
    for _ in range(6):
        _step(other, plain, form)
    torch.testing.assert_close(flat(one.params), flat(other.params), rtol=1e-3, atol=1e-5)


def test_a_captured_forward_and_backward_pass_serves_both_passes() -> None:
    """Weights move in their own storage: a CUDA graph of a pass sees w, then w + e.

    The step itself is not captured: it decides on the host, step by step, which passes it runs.
    """
    problem, other = _problem(), _problem()
    x, y = (part.clone() for part in problem.batch(0))
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            problem.model.zero_grad(set_to_none=True)
            cross_entropy(problem.model(x), y).backward()
    torch.cuda.current_stream().wait_stream(stream)
    problem.model.zero_grad(set_to_none=True)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        cross_entropy(problem.model(x), y).backward()
    captured = [p.grad for p in problem.params]
    ours = sssam.SAM(torch.optim.SGD(problem.params, lr=0.05), rho=0.1, model=False)
    plain = sssam.SAM(torch.optim.SGD(other.params, lr=0.05), rho=0.1, model=False)

    def replayed() -> torch.Tensor:
        # The graph writes into the gradients that it was captured with: each pass gets its copy.
        for grad in captured:
            grad.zero_()
        graph.replay()
        for p, grad in zip(problem.params, captured, strict=True):
            p.grad = grad.clone()
        return torch.zeros(())

    def run() -> torch.Tensor:
        other.model.zero_grad()
        loss = cross_entropy(other.model(x), y)
        loss.backward()
        return loss

    for _ in range(5):
        ours.step(replayed)
        plain.step(run)
    torch.testing.assert_close(flat(problem.params), flat(other.params), rtol=1e-4, atol=1e-6)
