"""What each variant's step takes over the base's, measured apart from any run.

Steps are timed in the laboratory's own loop, in short blocks of all kinds in turn in one process: a
plain and a sharpness-aware step for each variant with a schedule, a stretch of steps for one
without, and what an average of the weights takes, its update and batch norm's refresh. A variant's
time is their sum, weighted by how often its whole run is expected to do each. The base is timed
twice, so that its own ratio shows the clock's noise. Radii, learning rates and lengths change no
step: variants that differ in these alone share their blocks.

Where one thread of the processor does all, seconds are that thread's, so that other processes are
not in them; elsewhere they are the wall's. A stretch begins at the first weights: a variant whose
gradients decide when it acts is timed as it acts there.
"""

import math
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter, thread_time
from typing import NamedTuple

import torch

from sssam.lab.specs import Environment, Method, Run, Task, Timing
from sssam.lab.training import blocks, environment, hardware, stretches
from sssam.lab.training.state import Training
from sssam.lab.training.stretches import Stretch
from sssam.lab.training.train import alone

#: Rounds of blocks unless others are given, and the fewest, however long they take.
ROUNDS, LEAST = 101, 15

#: Seconds after which no further round begins, unless others are given.
ENOUGH = 20.0

#: Seconds of a base's block that are aimed at, and those below which the clock is not believed.
TARGET, SHORTEST = 0.02, 0.002

#: Steps, and epochs of which there are at least as many, in which it is seen how long one takes.
_LOOK = 8


class Timed(NamedTuple):
    """A variant's timing, and the passes a step that it takes, by which seconds can be judged."""

    run: Run
    timing: Timing
    passes: float


def measure(
    task: Task,
    variants: Sequence[Method],
    *,
    rounds: int = ROUNDS,
    seconds: float = ENOUGH,
    steps: int | None = None,
    accelerator: str = "cpu",
    threads: int = 1,
) -> tuple[Timed, ...]:
    """Times each variant over the base, in the order given; nothing is written.

    The base is the first variant of kind "base" without an average, or else the task's optimizer.

    Args:
        task: what is trained.
        variants: at least one.
        rounds: the most blocks of each work, at least 6, after one that is dropped.
        seconds: after which no further round begins, once there are 15.
        steps: of a block, at least 1. Default: as many as take the base 20 ms.
        accelerator: "cpu", "cuda", "mps" or "auto": one device, without torchrun.
        threads: torch's, at least 1.

    Raises:
        ValueError: an argument out of range; blocks too short for the clock; torchrun's ranks.
        FileNotFoundError: the data's path does not exist.
        Exception: whatever a user's own task raises.
    """
    _check(rounds, steps)
    fabric = hardware.fabric(accelerator, task.precision)
    plain = (m for m in variants if m.kind == "base" and m.average == "none")
    base = stretches.Work(stretches.alike(next(plain, Method(label="base", kind="base"))), "step")
    runs = [Run(task=task, method=method, seed=0) for method in variants]
    with alone(threads, 0, fabric.device):
        trial = stretches.prepared(task, base, fabric, _LOOK)
        size = _size(trial) if steps is None else steps
        mixes = [stretches.mix(run, trial) for run in runs]
        works = dict.fromkeys(work for mix in mixes for work in mix)
        made = {work: stretches.stretch(trial, work, size, rounds) for work in works}
        reference = stretches.stretch(trial, base, size, rounds)
        _time([reference, *made.values()], rounds, seconds)
        here = environment.describe(fabric.device, task.precision)
    return tuple(
        _timed(run, [(made[work], often) for work, often in mix.items()], reference, here)
        for run, mix in zip(runs, mixes, strict=True)
    )


def _time(timed: Sequence[Stretch], rounds: int, most: float) -> None:
    """Times all stretches in turn, for `most` seconds; the first is the base's."""
    first, kinds, end = timed[0], dict(enumerate(timed)), perf_counter() + most
    clock = _clock(first.training)
    seconds = blocks.timed(kinds, rounds, lambda n: n >= LEAST and perf_counter() > end, clock)
    if (shortest := median(seconds[0])) < SHORTEST:
        raise ValueError(
            f"a block of {first.steps} steps takes {shortest * 1e3:.2g} ms, too quick to be timed: "
            f"must take at least {SHORTEST * 1e3:g} ms; give more steps, or leave their number out"
        )
    for i, each in kinds.items():
        each.seconds = [s / each.steps for s in seconds[i]]


def _clock(trial: Training) -> Callable[[], float]:
    alone = trial.fabric.device.type == "cpu" and torch.get_num_threads() == 1
    return thread_time if alone and not getattr(trial.split.train, "workers", 0) else perf_counter


def _timed(
    run: Run, mix: Sequence[tuple[Stretch, float]], base: Stretch, here: Environment
) -> Timed:
    """A variant's mean step, in each round, over the base's step of the same round."""
    parts = [[often * s for s in each.seconds] for each, often in mix]
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
    return Timed(run, timing, math.fsum(often * each.passes for each, often in mix))


def _size(trial: Training) -> int:
    """Steps that take the base as long as is aimed at, by the quickest of a few."""
    one = {0: Stretch(trial, "step", 1)}
    return math.ceil(TARGET / min(blocks.timed(one, _LOOK - 1, clock=_clock(trial))[0]))


def require_one_process() -> None:
    """Refuses torchrun's ranks.

    Raises:
        ValueError: this process is one of several.
    """
    if hardware.world() > 1:
        raise ValueError("seconds are measured in one process: start without torchrun")


def _check(rounds: int, steps: int | None) -> None:
    require_one_process()
    if rounds < blocks.FEWEST:
        raise ValueError(
            f"rounds is {rounds}, must be at least {blocks.FEWEST}: fewer blocks give a median no "
            "95% interval"
        )
    if steps is not None and steps < 1:
        raise ValueError(f"steps is {steps}, must be at least 1: the steps of a block")
