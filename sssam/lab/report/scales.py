"""Scales on which what matters is not squeezed: accuracies by their error, losses by decades."""

from collections.abc import Sequence
from math import ceil, floor, log, log10
from typing import NamedTuple

import altair as alt

from sssam.lab.report.theme import PLAIN

#: Accuracies, in percent, that the axis of a logarithmic error names, the roundest first.
_NAMED = (90, 95, 99, 80, 50, 99.9, 98, 20, 0, 70, 97, 99.5, 99.8, 85, 60, 96, 92, 94, 40)
#: Fewer pixels than this between two of them, and the lesser is left out.
_APART = 24


class Scaled(NamedTuple):
    """Heights as they are drawn, the scale of the axis, and what to give to the axis itself."""

    heights: list[float]
    scale: alt.Scale
    axis: dict[str, object]


def accuracies(values: Sequence[float], pixels: int) -> Scaled:
    """Percentages, over the logarithm of their error where the errors differ by more than fourfold.

    So the step from 90 to 95 takes the room of that from 80 to 90, and the upper end, where the
    rows that matter meet, is not squeezed. A perfect 100 is drawn at half the smallest error.
    """
    errors = [100 - value for value in values]
    smallest = min((error for error in errors if error > 1e-9), default=1.0)
    errors = [max(error, smallest / 2) for error in errors]
    low, high = min(errors), max(errors)
    if high <= 4 * low:
        return linear(values)
    room = (high / low) ** 0.02
    scale = alt.Scale(type="log", domain=[high * room, low / room], nice=False)
    ticks = [100 - named for named in _spaced(low / room, high * room, pixels)]
    return Scaled(errors, scale, {"values": ticks, "labelExpr": "format(100 - datum.value, '~r')"})


def _spaced(low: float, high: float, pixels: int) -> list[float]:
    """Accuracies to name, none closer to another than can be read."""
    chosen: list[float] = []
    for named in _NAMED:
        error = 100 - named
        if not low <= error <= high:
            continue
        away = [pixels * abs(log(error / (100 - other)) / log(high / low)) for other in chosen]
        if all(distance >= _APART for distance in away):
            chosen.append(named)
    return chosen


def losses(values: Sequence[float]) -> Scaled:
    """Losses, on a logarithmic scale where they span more than two decades."""
    low, high = min(values), max(values)
    if low > 0 and high > 100 * low:
        scale = alt.Scale(type="log", domain=[low, high], nice=False)
        decades = [10.0**power for power in range(ceil(log10(low)), floor(log10(high)) + 1)]
        return Scaled(list(values), scale, {"values": decades, "labelExpr": PLAIN})
    return linear(values)


def linear(values: Sequence[float]) -> Scaled:
    """Values as they are, over their own range."""
    low, high = min(values), max(values)
    room = 0.02 * (high - low) or 0.5
    scale = alt.Scale(domain=[low - room, high + room], nice=False, zero=False)
    return Scaled(list(values), scale, {})
