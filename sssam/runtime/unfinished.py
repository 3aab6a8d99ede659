"""Trainings that end before the sharpness-aware steps which their schedule has for later.

Which `state_dict()` is the last nobody knows, so it is said where the end is known: by a trainer
(Lightning, Transformers, skorch), when the interpreter exits, or, where a person sits before it and
never sees the exit, when the optimizer is let go. Once a training; SIGKILL leaves no word.
"""

import atexit
import sys
import warnings
import weakref
from collections import deque
from dataclasses import dataclass
from typing import Any

from sssam.core.counters import Counters
from sssam.schedules.algebra import Schedule
from sssam.schedules.draws import GRID
from sssam.schedules.progress import Progress

#: Shorter runs are tries.
SHORTEST = 20


@dataclass(eq=False)
class Run:
    """What is known of a training when its optimizer may be gone."""

    counters: Counters
    schedule: Schedule
    total_steps: int | None
    progress: Progress | None


_runs: deque[Run] = deque(maxlen=1000)
_of: "weakref.WeakKeyDictionary[Any, Run]" = weakref.WeakKeyDictionary()


def watch(training: Any, schedule: Schedule) -> None:
    """Look at this training when it ends."""
    run = Run(training.counters, schedule, training.total_steps, training.progress)
    _runs.append(run)
    _of[training] = run
    weakref.finalize(training, _let_go, run).atexit = False


def ended(training: Any) -> None:
    """A trainer says that this training is over: warn, if its schedule did not come to its own."""
    run = forget(training)
    text = run and complaint(run)
    if text:
        warnings.warn(text, stacklevel=3)


def forget(training: Any) -> Run | None:
    """A training of which nothing is to be said any more; None if that is so already."""
    run = _of.pop(training, None)
    if run is None or run not in _runs:
        return None
    _runs.remove(run)
    return run


def resumed(training: Any) -> None:
    """A checkpoint was loaded: the training of this process that it came from goes on here."""
    own = _of.get(training)
    if own is None or not own.counters.steps:
        return
    same = (own.schedule, own.total_steps)
    for run in reversed(_runs):
        earlier = run is not own and (run.schedule, run.total_steps) == same
        if earlier and run.counters.steps >= own.counters.steps:
            _runs.remove(run)
            return


def complaint(run: Run) -> str | None:
    """What to say of a training that ended here; None if its schedule came to its own.

    That is not so where it stopped before its end with less than half the share of
    sharpness-aware steps that the schedule has over the whole.
    """
    steps, ascents = run.counters.steps, run.counters.ascents
    u = run.progress and run.progress.peek(steps)
    total = run.total_steps if u is None else None
    if steps < SHORTEST or (total is None and u is None):
        return None
    mean = run.schedule.mean_probability(total or GRID)
    at_end = steps >= total if total is not None else u == 1
    if at_end or 2 * ascents >= mean * steps:
        return None
    if total is not None:
        where, planned = f"of total_steps={total}", f"the {mean * total:.0f}"
        remedy = "the steps that are really run as total_steps"
    else:
        where, planned, remedy = f"steps at progress {u:.3g}", f"the share {mean:.3g}", "a Deadline"
    return (
        f"sssam: training ended after {steps} {where}, with "
        f"{ascents} sharpness-aware steps of {planned} that schedule={run.schedule!r} has, "
        "for most of them come later. Was it stopped by a time limit or early stopping? Give "
        f"{remedy}, or a schedule that begins earlier"
    )


def _let_go(run: Run) -> None:
    if hasattr(sys, "ps1") and run in _runs:
        _runs.remove(run)
        text = complaint(run)
        if text:
            warnings.warn(text, stacklevel=2)


@atexit.register
def report() -> None:
    """Warn once, of the last such training."""
    texts = [text for run in _runs if (text := complaint(run))]
    _runs.clear()
    if texts:
        more = f" ({len(texts)} such trainings in this process)" if len(texts) > 1 else ""
        warnings.warn(texts[-1] + more, stacklevel=1)
