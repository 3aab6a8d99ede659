"""Checks of arguments, whose errors name the argument, the value, the range and the remedy."""

import math


def number(name: str, value: float, low: float, high: float, *, remedy: str = "") -> float:
    """`value` as a float, when it lies in [low, high] and is finite.

    Raises:
        TypeError: when it is no number.
        ValueError: when it is NaN, infinite or outside the interval.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not (math.isfinite(value) and low <= value <= high):
        bounds = f"at least {low:g}" if high == math.inf else f"in [{low:g}, {high:g}]"
        raise ValueError(f"{name} must be {bounds}, not {value!r}{remedy and '; ' + remedy}")
    return float(value)


def count(name: str, value: int, low: int, *, remedy: str = "") -> int:
    """`value`, when it is a whole number of at least `low`.

    Raises:
        TypeError: when it is no int.
        ValueError: when it is below `low`.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {value!r}{remedy and '; ' + remedy}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, not {value}{remedy and '; ' + remedy}")
    return value


def share(name: str, value: float) -> float:
    """`value` as a float, when it lies in (0, 1].

    Raises:
        TypeError: when it is no number.
        ValueError: when it is outside the interval.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not 0 < value <= 1:
        raise ValueError(f"{name} must be in (0, 1], not {value!r}; 1 is the whole batch")
    return float(value)
