"""Progress as a share of the time that a training has."""

import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist

from sssam.core.checks import number


class Deadline:
    """Progress u = elapsed / seconds, at most 1: a schedule by the clock, not by steps.

    The first rank's clock is read once a step, when the step is made, and counts for the next one;
    the first step has u = 0. On several ranks that takes one broadcast of 8 bytes a step, through
    the hosts (gloo), so that no device is waited for; the ranks' hosts wait for one another there.
    From u = 1 on nothing is sent.

    Time counts from when this object is built. A checkpoint keeps the time elapsed at the last
    step, and a later session goes on from there; the time between the last checkpoint and the
    session's end, and between sessions, is not counted. A checkpoint that is loaded in the midst
    of a session gives no time back.

    Args:
        seconds: of the whole training, above 0, over all sessions.
        clock: what is read, in seconds, never going back. Default `time.monotonic`.

    Raises:
        TypeError, ValueError: seconds is no number above 0.

    >>> import sssam, torch
    >>> base = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    >>> late, clock = sssam.schedules.late(0.25), sssam.Deadline(3600)
    >>> optimizer = sssam.SSSAM(base, schedule=late, progress=clock, model=False)
    >>> optimizer.progress, optimizer.will_ascend
    (0.0, False)
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        remedy = "give the time that the whole training has"
        self.seconds = number("seconds", seconds, 0.0, math.inf, remedy=remedy)
        if not self.seconds:
            raise ValueError(f"seconds must be above 0, not {seconds!r}; {remedy}")
        self.elapsed = 0.0
        self._clock = clock
        self._earlier, self._start, self._was_read = 0.0, clock(), False
        self._group: tuple[Any, Any] = (None, None)

    @property
    def progress(self) -> float:
        """Progress in [0, 1], as last read."""
        return min(self.elapsed / self.seconds, 1.0)

    def read(self) -> float:
        """The progress now, by the first rank's clock; on all ranks alike, or they wait."""
        if self.elapsed < self.seconds:
            self._was_read = True
            self.elapsed = max(self.elapsed, self._of_the_first_rank(self._now()))
        return self.progress

    def _now(self) -> float:
        return self._earlier + self._clock() - self._start

    def _of_the_first_rank(self, value: float) -> float:
        if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
            return value
        if self._group[0] is not dist.group.WORLD:
            # A group of its own: no message of the loop's can come between its messages.
            self._group = dist.group.WORLD, dist.new_group(backend="gloo")
        shared = torch.tensor(value, dtype=torch.float64)
        dist.broadcast(shared, src=0, group=self._group[1])
        return float(shared)

    def state(self) -> dict[str, float]:
        """What a checkpoint keeps."""
        return {"elapsed": self.elapsed, "seconds": self.seconds}

    def load(self, state: dict[str, float]) -> None:
        """Go on from a checkpoint, also from one whose loop set the progress itself."""
        if (seconds := state.get("seconds", self.seconds)) != self.seconds:
            warnings.warn(
                f"the checkpoint was saved under Deadline({seconds!r}), and training goes on with "
                f"{self!r}: the progress changes to {state['elapsed'] / self.seconds:.3g}",
                stacklevel=6,
            )
        elapsed = state.get("elapsed", state.get("progress", 0.0) * self.seconds)
        if self._was_read:  # the time of this session is gone, whatever was saved in it
            self._earlier += max(0.0, elapsed - self._now())
        else:
            self._earlier = elapsed
        self.elapsed = elapsed

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_group": (None, None)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Perhaps in another process, whose clock tells another time.
        vars(self).update(state)
        self._earlier, self._start = self.elapsed, self._clock()

    def __repr__(self) -> str:
        return f"Deadline({self.seconds!r})"
