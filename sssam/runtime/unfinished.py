"""Trainings that end before the sharpness-aware steps which their schedule has for later."""

import atexit
import warnings
from collections import deque

from sssam.core.counters import Counters
from sssam.schedules.algebra import Schedule

#: Shorter runs are tries.
SHORTEST = 20
_runs: deque[tuple[Counters, Schedule, int]] = deque(maxlen=1000)


def watch(counters: Counters, schedule: Schedule, total_steps: int) -> None:
    """Look at this training when the interpreter exits."""
    _runs.append((counters, schedule, total_steps))


def complaint(counters: Counters, schedule: Schedule, total_steps: int) -> str | None:
    """What to say of a training that ended here; None if its schedule came to its own.

    That is not so where it stopped before `total_steps` with less than half the share of
    sharpness-aware steps that the schedule has over the whole.
    """
    steps, ascents = counters.steps, counters.ascents
    if not SHORTEST <= steps < total_steps:
        return None
    mean = schedule.mean_probability(total_steps)
    if 2 * ascents >= mean * steps:
        return None
    return (
        f"sssam: training ended after {steps} of total_steps={total_steps}, with {ascents} "
        f"sharpness-aware steps of the {mean * total_steps:.0f} that schedule={schedule!r} has, "
        "for most of them come later. Was it stopped by a time limit or early stopping? Give the "
        "steps that are really run as total_steps, or a schedule that begins earlier"
    )


@atexit.register
def report() -> None:
    """Warn once, of the last such training."""
    texts = [text for run in _runs if (text := complaint(*run))]
    _runs.clear()
    if texts:
        more = f" ({len(texts)} such trainings in this process)" if len(texts) > 1 else ""
        warnings.warn(texts[-1] + more, stacklevel=1)
