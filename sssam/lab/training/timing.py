"""What each variant's step takes over the base's, measured apart from any run.

Steps are timed in the laboratory's own loop, in short blocks of all kinds in turn in one process: a
plain and a sharpness-aware step for each variant with a schedule, a stretch of steps for one
without; for one with an average of the weights the same with the average and without, and batch
norm's refresh. A variant's time is their sum, weighted by how often its whole run is expected to do
each. The base is timed twice, so that its own ratio shows the clock's noise. Radii, learning rates
and lengths change no step: variants that differ in these alone share their blocks.

Where one thread of the processor does all, seconds are that thread's, so that other processes are
not in them; elsewhere they are the wall's. A stretch begins at the first weights: a variant whose
gradients decide when it acts is timed as it acts there.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count, islice, product
from statistics import median
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.optim.swa_utils import update_bn

from sssam.lab.specs import BASE, Average, Environment, Method, Run, Task, Timing
from sssam.lab.training import blocks, hardware, loop, methods, order, weights
from sssam.lab.training.prepare import prepare
from sssam.lab.training.state import Training, now
from sssam.lab.training.train import alone
from sssam.schedules import constant

if TYPE_CHECKING:
    from lightning_fabric import Fabric

#: The most rounds of blocks, and the fewest, however long they take.
ROUNDS, LEAST = 101, 15

#: Seconds after which no further round begins, unless others are given.
ENOUGH = 20.0

#: Seconds of a base's block that are aimed at.
TARGET = 0.02

#: Steps, and epochs of which there are at least as many, in which it is seen how long one takes.
_LOOK = 8

#: The fewest steps of a block where the gradients decide which of them take a pass more.
_UNEVEN = 20


class Work(NamedTuple):
    """What is timed: a step of a method, as text, or the refresh of batch norm for its average."""

    method: str
    refresh: bool = False


class Stretch:
    """A run whose work is timed: each call does a block of it; `seconds` are those of one."""

    def __init__(self, training: Training, steps: int, refresh: bool = False) -> None:
        self.training, self.steps, self.refresh = training, steps, refresh
        self.batches = chain.from_iterable(order.batches(training, epoch) for epoch in count())
        self.seconds: list[float] = []

    def __call__(self) -> None:
        batches = islice(self.batches, self.steps)
        if self.refresh:
            update_bn(((x,) for x, _ in batches), weights.Called(self.training.model))
        else:
            for batch in batches:
                loop.step(self.training, batch)
        now(self.training.fabric.device)

    @property
    def passes(self) -> float:
        """Forward-backward passes of a batch that the work takes, done once."""
        return 1 / 3 if self.refresh else self.training.propagations / self.training.position.step


class Timed(NamedTuple):
    """A variant's timing, and the passes a step that it takes, by which seconds can be judged."""

    run: Run
    timing: Timing
    passes: float


def measure(
    task: Task,
    variants: Sequence[Method],
    seconds: float = ENOUGH,
    accelerator: str = "cpu",
    threads: int = 1,
) -> tuple[Timed, ...]:
    """Times each variant over the base, in the order given; nothing is written.

    The base is the first variant of kind "base" without an average, or else the task's optimizer.
    After so many `seconds` no further round of blocks begins, once there are 15.
    """
    fabric = hardware.fabric(accelerator, task.precision)
    plain = (m for m in variants if m.kind == "base" and m.average == "none")
    base = Work(_alike(next(plain, BASE)))
    runs = [Run(task=task, method=method, seed=0) for method in variants]
    with alone(threads, 0, fabric.device):
        trial = _prepared(task, base, fabric, _LOOK)
        size = math.ceil(TARGET / quickest(trial))
        mixes = [_mix(run, trial) for run in runs]
        works = dict.fromkeys(work for mix in mixes for work in mix)
        made = {work: _stretch(trial, work, size) for work in works}
        reference = _stretch(trial, base, size)
        _time([reference, *made.values()], seconds)
        here = hardware.describe(fabric.device, task.precision)
    return tuple(
        _timed(run, {made[work]: often for work, often in mix.items()}, reference, here)
        for run, mix in zip(runs, mixes, strict=True)
    )


def _time(stretches: Sequence[Stretch], most: float) -> None:
    """Times all stretches in turn, for `most` seconds."""
    end = perf_counter() + most
    seconds = blocks.timed(
        dict(enumerate(stretches)),
        ROUNDS,
        lambda done: done >= LEAST and perf_counter() > end,
        _clock(stretches[0].training),
    )
    for i, each in enumerate(stretches):
        each.seconds = [s / each.steps for s in seconds[i]]


def _clock(trial: Training) -> Callable[[], float]:
    alone = trial.fabric.device.type == "cpu" and torch.get_num_threads() == 1
    return thread_time if alone and not getattr(trial.split.train, "workers", 0) else perf_counter


def _timed(run: Run, mix: Mapping[Stretch, float], base: Stretch, here: Environment) -> Timed:
    """A variant's mean step, in each round, over the base's step of the same round."""
    parts = [[often * s for s in each.seconds] for each, often in mix.items()]
    seconds = [math.fsum(each) for each in zip(*parts, strict=True)]
    ratio = blocks.median([s / b for s, b in zip(seconds, base.seconds, strict=True)])
    timing = Timing(
        ratio=ratio.value,
        low=ratio.low,
        high=ratio.high,
        quartiles=ratio.quartiles,
        blocks=len(seconds),
        steps=base.steps,
        seconds=median(seconds),
        base_seconds=median(base.seconds),
        environment=here,
    )
    return Timed(run, timing, math.fsum(often * each.passes for each, often in mix.items()))


def quickest(training: Training) -> float:
    """Seconds of the quickest of a few steps."""
    return min(blocks.timed({0: Stretch(training, 1)}, _LOOK - 1, clock=_clock(training))[0])


def _mix(run: Run, trial: Training) -> dict[Work, float]:
    """How often a variant's mean step does each work over its whole run, early stopping apart."""
    method, schedule = run.method, run.method.scheduling_function()
    kinds = [(method.schedule, 1.0)]
    if schedule is not None:
        often = schedule.mean_probability(run.total_steps(len(trial.split.train)))
        kinds = [(constant(0.0).to_dict(), 1 - often), (constant(1.0).to_dict(), often)]
    averaged = 1 - method.averaged_from  # the part of the steps
    averages: list[tuple[Average, float]] = [("none", 1 - averaged), (method.average, averaged)]
    mix = dict[Work, float]()
    for (acts, often), (average, part) in product(kinds, averages):
        if often * part:
            mix[Work(_alike(method, schedule=acts, average=average))] = often * part
    if method.average != "none" and weights.needs_refresh(trial.network):
        plain: dict[str, Any] = {"kind": "base", "schedule": None, "options": {}, "rho": 0.0}
        once = averaged if method.patience else 1 / run.epochs
        mix[Work(_alike(method, **plain, average=method.average), refresh=True)] = once
    return mix


def _alike(method: Method, **changes: Any) -> str:
    """A method as text, without what changes no step's time."""
    kept = method.model_dump(include={"kind", "schedule", "label_smoothing", "dropout"})
    kept["rho"] = methods.default_rho(method.kind) if method.rho else 0.0
    kept["options"] = {k: v for k, v in method.options.items() if not k.startswith("strength")}
    start = None if changes.get("average", "none") == "none" else 0.0
    return Method(**{"label": "timed", "average_start": start, **kept, **changes}).model_dump_json()


def _prepared(task: Task, work: Work, fabric: "Fabric", epochs: int) -> Training:
    """A run that does a work, for so many epochs."""
    task = task.model_copy(update={"epochs": epochs})
    return prepare(Run(task=task, method=Method.model_validate_json(work.method), seed=0), fabric)


def _stretch(trial: Training, work: Work, size: int) -> Stretch:
    """A run long enough for all blocks, each of whole periods of a method that has one."""
    method = Method.model_validate_json(work.method)
    options: dict[str, Any] = {**methods.options(method.kind), **method.options}
    period = int(options.get("k", options.get("every", 1)))
    steps, most = (-(-least // period) * period for least in (size, max(size, _UNEVEN)))
    epochs = math.ceil((ROUNDS + 1) * most * trial.run.epochs / trial.total_steps)
    training = _prepared(trial.run.task, work, trial.fabric, epochs)
    training.split = trial.split
    is_uneven = methods.expected_propagations(training.optimizer) is None
    return Stretch(training, most if is_uneven else steps, work.refresh)
