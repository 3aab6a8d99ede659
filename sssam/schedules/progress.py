"""Progress that is not counted in steps: set by the loop, or read off a clock."""

from math import isfinite
from typing import Any, Protocol

from sssam.core.checks import number
from sssam.core.parts import parts
from sssam.schedules.draws import UNKNOWN

PACE = ("progress", "elapsed", "seconds")
"""What a checkpoint keeps of a progress and its clock."""


class Clock(Protocol):
    """Where progress comes from by itself, such as `sssam.Deadline`."""

    @property
    def progress(self) -> float:
        """Progress in [0, 1], as last read."""
        ...

    def read(self) -> float:
        """The progress now, the same on all ranks."""
        ...

    def state(self) -> dict[str, float]:
        """What a checkpoint keeps."""
        ...

    def load(self, state: dict[str, float]) -> None:
        """Go on from a checkpoint."""
        ...


class Progress:
    """How far a training has come, u in [0, 1]; None as long as steps are counted instead.

    The progress of a step is that which stood when the step was first asked about: what is set
    later, amid the step, is the next one's.

    Args:
        given: a first value, or a clock. Default: None yet.
    """

    def __init__(self, given: "float | Clock | None" = None) -> None:
        self.clock: Clock | None = None
        self._refused = ""
        self._next: float | None = None
        self._needed = False
        self._last: tuple[int, float | None] = (-1, None)
        if given is not None:
            self.set(given)

    def at(self, t: int) -> float | None:
        """The progress of step t; None where steps are counted.

        Raises:
            ValueError: it was never set, and steps can't be counted.
        """
        if self._next is None and self._needed:
            raise ValueError(UNKNOWN)
        if self._last[0] != t:
            self._last = t, self._next
        return self._last[1]

    def peek(self, t: int) -> float | None:
        """The progress of step t as it stands now; it can still be set, unless the step began."""
        return self._last[1] if self._last[0] == t else self._next

    def set(self, given: "float | Clock") -> None:
        """Set the progress of the coming step, or the clock to read it off.

        Raises:
            TypeError: neither a number nor a clock.
            ValueError: outside [0, 1], before what it was, a number beside a clock, or a method
                that counts steps.
        """
        if self._refused:
            raise ValueError(self._refused)
        if hasattr(given, "read"):
            clock: Any = given
            self.clock, self._next = clock, clock.progress
            return
        if self.clock is not None:
            raise ValueError(
                f"progress is read off {self.clock!r} and can't be set to {given!r} as well; build "
                "the optimizer without it to set progress in the loop"
            )
        u = number("progress", given, 0.0, 1.0, remedy="0 is the start, 1 the end of training")
        if self._next is not None and u < self._next:
            raise ValueError(
                f"progress must not go back from {self._next!r} to {u!r}; give the share of the "
                "whole training that is done, not of an epoch or a session"
            )
        self._next = u

    def refuse(self, why: str) -> None:
        """From a role that counts steps: progress can't be set.

        Raises:
            ValueError: it is set already.
        """
        self._refused = why
        if self._next is not None:
            raise ValueError(why)

    def require(self) -> None:
        """From a role that can't count steps: progress must be set."""
        self._needed = True

    def advance(self) -> None:
        """After a step, on all ranks alike: read the clock, if there is one."""
        if self.clock is not None:
            self._next = self.clock.read()

    def state(self) -> dict[str, float]:
        """What a checkpoint keeps: nothing where steps are counted."""
        own = {} if self._next is None else {"progress": self._next}
        return own if self.clock is None else own | self.clock.state()

    def load(self, state: dict[str, float]) -> None:
        """Go on from a checkpoint; one that counted otherwise changes nothing."""
        self._last = (-1, None)
        if self.clock is not None:
            self.clock.load(state)
            self._next = self.clock.progress
        elif "elapsed" not in state:
            u = state.get("progress")
            self._next = u if u is not None and isfinite(u) else None


def of(method: object) -> Progress | None:
    """The progress that the parts of a method share; None if no part of it has a schedule.

    Raises:
        ValueError: several of them.
    """
    found = {id(each): each for each in parts(method, Progress)}
    if len(found) > 1:
        raise ValueError(
            f"the schedules of {method!r} have {len(found)} progresses; give all of them one and "
            "the same: progress=sssam.roles.Progress()"
        )
    return next(iter(found.values()), None)
