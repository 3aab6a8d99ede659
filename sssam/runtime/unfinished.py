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
class WatchedTraining:
    """What is known of a training when its optimizer may be gone."""

    counters: Counters
    schedule: Schedule
    total_steps: int | None
    progress: Progress | None


_watched: deque[WatchedTraining] = deque(maxlen=1000)
_of: "weakref.WeakKeyDictionary[Any, WatchedTraining]" = weakref.WeakKeyDictionary()


def watch(training: Any, schedule: Schedule) -> None:
    """Look at this training when it ends."""
    watched = WatchedTraining(training.counters, schedule, training.total_steps, training.progress)
    _watched.append(watched)
    _of[training] = watched
    weakref.finalize(training, _let_go, watched).atexit = False


def ended(training: Any) -> None:
    """A trainer says that this training is over: warn, if its schedule did not come to its own."""
    watched = forget(training)
    text = watched and complaint(watched)
    if text:
        warnings.warn(text, stacklevel=3)


def forget(training: Any) -> WatchedTraining | None:
    """A training of which nothing is to be said any more; None if that is so already."""
    watched = _of.pop(training, None)
    if watched is None or watched not in _watched:
        return None
    _watched.remove(watched)
    return watched


def resumed(training: Any) -> None:
    """A checkpoint was loaded: the training of this process that it came from goes on here."""
    own = _of.get(training)
    if own is None or not own.counters.steps:
        return
    same = (own.schedule, own.total_steps)
    for watched in reversed(_watched):
        earlier = watched is not own and (watched.schedule, watched.total_steps) == same
        if earlier and watched.counters.steps >= own.counters.steps:
            _watched.remove(watched)
            return


def complaint(watched: WatchedTraining) -> str | None:
    """What to say of a training that ended here; None if its schedule came to its own.

    That is not so where it stopped before its end with less than half the share of
    sharpness-aware steps that the schedule has over the whole.
    """
    steps, ascents = watched.counters.steps, watched.counters.ascents
    u = watched.progress and watched.progress.peek(steps)
    total = watched.total_steps if u is None else None
    if steps < SHORTEST or (total is None and u is None):
        return None
    mean = watched.schedule.mean_probability(total or GRID)
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
        f"{ascents} sharpness-aware steps of {planned} that schedule={watched.schedule!r} has, "
        "for most of them come later. Was it stopped by a time limit or early stopping? Give "
        f"{remedy}, or a schedule that begins earlier"
    )


def _let_go(watched: WatchedTraining) -> None:
    if hasattr(sys, "ps1") and watched in _watched:
        _watched.remove(watched)
        text = complaint(watched)
        if text:
            warnings.warn(text, stacklevel=2)


@atexit.register
def report() -> None:
    """Warn once, of the last such training."""
    texts = [text for watched in _watched if (text := complaint(watched))]
    _watched.clear()
    if texts:
        more = f" ({len(texts)} such trainings in this process)" if len(texts) > 1 else ""
        warnings.warn(texts[-1] + more, stacklevel=1)
