"""A training that is interrupted at every line of a step, and what must hold afterwards."""

import copy
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.amp import GradScaler

import sssam
from tests.problems import BASES, Problem, pass_loss, same
from tests.table import TABLE

LIBRARY = str(Path(sssam.__file__).parent)
T = 3  # the step that is interrupted; those before it leave something kept


class PointedError(Exception):
    """What the tests throw."""


def one_closure(problem: Problem, optimizer: Any, scaler: GradScaler | None, t: int) -> None:
    def closure() -> Tensor:
        optimizer.zero_grad()
        part = optimizer.method.facts.ascent_fraction if optimizer.phase == "ascent" else 1.0
        loss = problem.loss(t, part)
        (loss if scaler is None else scaler.scale(loss)).backward()
        return loss

    optimizer.step(closure, scaler=scaler)


def two_lines(problem: Problem, optimizer: Any, scaler: GradScaler | None, t: int) -> None:
    loss = problem.loss(t)
    (loss if scaler is None else scaler.scale(loss)).backward()
    if optimizer.ascend(scaler=scaler):
        loss = problem.loss(t)
        (loss if scaler is None else scaler.scale(loss)).backward()
    optimizer.step() if scaler is None else scaler.step(optimizer)
    optimizer.zero_grad()


def asked_lines(problem: Problem, optimizer: Any, scaler: GradScaler | None, t: int) -> None:
    part = optimizer.method.facts.ascent_fraction if optimizer.will_ascend else 1.0
    problem.loss(t, part).backward()
    if optimizer.ascend():
        problem.loss(t).backward()
    optimizer.conclude()
    optimizer.step()
    optimizer.zero_grad()


def moved_lines(problem: Problem, optimizer: Any, scaler: GradScaler | None, t: int) -> None:
    optimizer.ascend()
    problem.loss(t).backward()
    optimizer.step()
    optimizer.zero_grad()


def all_passes(problem: Problem, optimizer: Any, scaler: GradScaler | None, t: int) -> None:
    for p in optimizer.passes(problem.batch(t), scaler=scaler):
        loss = pass_loss(problem, optimizer, p)
        p.backward(loss)
    optimizer.step() if scaler is None else scaler.step(optimizer)


Loop = Callable[[Problem, Any, GradScaler | None, int], None]
LOOPS: dict[str, Loop] = {
    "closure": one_closure,
    "two lines": two_lines,
    "passes": all_passes,
    "asked": asked_lines,
    "moved": moved_lines,
}


# What is interrupted, and what is looked at ------------------------------------------------------


@dataclass
class Run:
    """A training, and a way to drive it."""

    problem: Problem
    optimizer: Any
    loop: Loop
    scaled: bool = False

    def step(self, t: int) -> None:
        scaler = GradScaler("cpu", init_scale=2.0**8) if self.scaled else None
        self.loop(self.problem, self.optimizer, scaler, t)

    def seen(self) -> dict[str, Any]:
        """All that must be as before the step, or as after it."""
        training = self.optimizer._training
        vectors = [v for p in self.problem.params for v in training.memory.get(p, {}).values()]
        states = [self.optimizer.state.get(p, {}) for p in self.problem.params]
        return {
            "weights": [p.detach().clone() for p in self.problem.params],
            "kept": [v.clone() for v in vectors],
            "base": [v.clone() for s in states for v in s.values() if isinstance(v, Tensor)],
            "numbers": dict(training.numbers),
            "steps": (self.optimizer.steps, self.optimizer.ascents),
        }

    def traces(self) -> dict[str, Any]:
        """What the first pass of a step moves, given up or not."""
        buffers = [b.clone() for b in self.problem.model.buffers()]
        return {"buffers": buffers, "generator": [torch.get_rng_state()]}

    def put_traces(self, traces: dict[str, Any]) -> None:
        for buffer, kept in zip(self.problem.model.buffers(), traces["buffers"], strict=True):
            buffer.copy_(kept)
        torch.set_rng_state(traces["generator"][0])


def _equal(one: Any, other: Any) -> bool:
    return same(one, other) if isinstance(one, list) else bool(one == other)


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {key for key in one if not _equal(one[key], other[key])}


def throw_at(line: int, run: Callable[[], None], throw: Callable[[], None]) -> None:
    """Call `throw` before the given line of those executed."""
    left = line

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        code = frame.f_code
        if not code.co_filename.startswith(LIBRARY) and code.co_filename != __file__:
            return None
        if event == "line":
            left -= 1
            if not left:
                throw()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
        torch.set_grad_enabled(True)


def _raise() -> None:
    raise PointedError


def _interrupt() -> None:  # Python's handler raises KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


THROWS: dict[str, tuple[Callable[[], None], type[BaseException]]] = {
    "exception": (_raise, PointedError),
    "SIGINT": (_interrupt, KeyboardInterrupt),
}


def start_of(name: str, form: str, scaled: bool = False) -> Run:
    torch.manual_seed(0)
    problem = TABLE[name].problem(dropout=0.2, norm=TABLE[name].norm or True)
    optimizer = TABLE[name].build(BASES["momentum"](problem.params), problem.model)
    run = Run(problem, optimizer, LOOPS[form], scaled)
    first = T if name != "LookSAM" else 5  # its SAM steps are every fifth: one is interrupted
    waits = TABLE[name].passes > 1  # a method of one pass may never act
    while optimizer.steps < first or (waits and optimizer.method.acts(optimizer.steps) is False):
        run.step(optimizer.steps)
    return run


def scan(start: Run, throw: Callable[[], None], kind: type[BaseException], stride: int = 1) -> int:
    """Interrupt the coming step at every line, or every third, ...; the number of lines."""
    t = start.optimizer.steps
    before, traces = start.seen(), start.traces()
    calm = copy.deepcopy(start)
    calm.step(t)
    after, later = calm.seen(), calm.traces()
    calm.step(t + 1)
    end, last = calm.seen(), calm.traces()
    line = 1 - stride
    while True:
        line += stride
        start.put_traces(traces)
        run = copy.deepcopy(start)
        stage = ""

        def note(run: Run = run) -> None:
            nonlocal stage
            stage = run.optimizer._training.stage
            throw()

        try:
            throw_at(line, lambda run=run: run.step(t), note)
        except kind as error:
            place = _place(error)
        else:
            return line - 1
        _check(run, place, stage, (before, after), (traces, later))
        if stage == "updating":
            _goes_on(run, t)
            continue
        if run.optimizer.steps == t:
            run.put_traces(traces)  # as a loop that tries again
            run.optimizer.zero_grad()
            run.step(t)
        assert not differing(run.seen(), after), place
        run.optimizer.zero_grad()
        run.step(t + 1)
        assert not differing(run.seen() | run.traces(), end | last), place


def _place(error: BaseException) -> str:
    places, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_name} in {Path(code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(places[-7:])


#: Where what is thrown may leave buffers and generators as they stand.
GUARD = ("guard.py", "buffers.py", "generators.py", "frozen.py", "tensors.py", "layout.py")


def _check(
    run: Run, place: str, stage: str, seen: tuple[Any, Any], traces: tuple[Any, Any]
) -> None:
    run.optimizer.restore()
    training = run.optimizer._training
    assert (training.step, training.weights.moved, training.stage) == (None, False, "idle"), place
    assert run.optimizer.phase == "plain", place
    if not any(f"{file}:" in place for file in GUARD):
        for key, found in run.traces().items():
            assert any(_equal(found, allowed[key]) for allowed in traces), (key, place)
    if stage != "updating":
        made = run.optimizer.steps - seen[0]["steps"][0]
        assert not differing(run.seen(), seen[made]), place


def _goes_on(run: Run, t: int) -> None:
    if run.optimizer._training.broken_off:
        with pytest.warns(UserWarning, match="broken off by an exception"):
            run.optimizer.state_dict()
    steps = run.optimizer.steps
    assert steps in (t, t + 1)
    run.optimizer.zero_grad()
    run.step(steps)
    assert run.optimizer.steps == steps + 1
