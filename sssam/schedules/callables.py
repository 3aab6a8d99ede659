"""A scheduling function of one's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sssam.schedules.algebra import Schedule


@dataclass(frozen=True, repr=False)
class Custom(Schedule):
    callable: Callable[[float], float]

    kind: ClassVar[str] = "custom"

    def __post_init__(self) -> None:
        if not callable(self.callable):
            raise TypeError(
                f"callable must be a function of the progress u in [0, 1], not {self.callable!r}; "
                "for the same p at every step use constant(p)"
            )

    def _curve(self, u: float) -> float:
        value = self.callable(u)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise TypeError(
                f"{self!r} gives {value!r} at progress {u!r}, but it must give a number in [0, 1]"
            ) from None

    @property
    def name(self) -> str:
        """`module:qualname` of the callable, or of its type where it has no name of its own."""
        named = self.callable if hasattr(self.callable, "__qualname__") else type(self.callable)
        return f"{named.__module__}:{named.__qualname__}"

    def to_dict(self) -> dict[str, str]:
        return {"kind": self.kind, "callable": self.name}

    def __repr__(self) -> str:
        return f"custom({self.name.removeprefix('__main__:').replace(':', '.')})"


def custom(callable: Callable[[float], float]) -> Custom:
    """A function of one's own.

    p(u) = callable(u), at u = t/T.

    Args:
        callable: pure function from the progress in [0, 1] to a probability in [0, 1]. Its values
            are checked where they are used; `validate(total_steps)` checks them all before.

    Raises:
        TypeError: not callable.

    `repr` evaluates back, and `from_dict` reads back, only what has a name to be found by.

    >>> from math import sqrt
    >>> custom(sqrt), custom(sqrt).at(1, 4)
    (custom(math.sqrt), 0.5)
    """
    return Custom(callable)
