"""Checks of arguments, whose errors name the argument, the value, the range and the remedy."""

import math
from numbers import Integral, Real
from typing import Any


def number(name: str, value: Any, low: float, high: float, *, remedy: str = "") -> float:
    """`value` as a float, when it lies in [low, high] and is finite.

    Raises:
        TypeError: when it is no real number.
        ValueError: when it is NaN, infinite or outside the interval.
    """
    real = _real(name, value)
    if not (math.isfinite(real) and low <= real <= high):
        bounds = f"at least {low:g}" if high == math.inf else f"in [{low:g}, {high:g}]"
        raise ValueError(f"{name} must be {bounds}, not {value!r}{remedy and '; ' + remedy}")
    return real


def count(name: str, value: Any, low: int, *, remedy: str = "") -> int:
    """`value` as an int, when it is a whole number of at least `low`.

    Raises:
        TypeError: when it is no integer.
        ValueError: when it is below `low`.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an int, not {value!r}{remedy and '; ' + remedy}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, not {value}{remedy and '; ' + remedy}")
    return int(value)


def share(name: str, value: Any) -> float:
    """`value` as a float, when it lies in (0, 1].

    Raises:
        TypeError: when it is no real number.
        ValueError: when it is outside the interval.
    """
    real = _real(name, value)
    if not 0 < real <= 1:
        raise ValueError(f"{name} must be in (0, 1], not {value!r}; 1 is the whole batch")
    return real


def _real(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    try:
        return float(value)
    except OverflowError:
        return math.inf
