"""Means with their intervals, a line each: differences beside zero, or values on an axis."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt

from sssam.lab.report.theme import (
    PLAIN,
    PRINT,
    Theme,
    Width,
    between,
    finish,
    haloed,
    over,
    tips,
)
from sssam.lab.stats import Interval

LINE = 46  # pixels a line: the name stands above its interval at any width
#: From this ratio of the largest to the smallest value on the axis is logarithmic.
_WIDE = 5.0


class Line(NamedTuple):
    """One interval; `text` is what its tooltip says of it, a point that is not `clear` is hollow.

    `parts` are values that it is the mean of, such as those of single tasks.
    """

    label: str
    role: str
    value: Interval
    text: str
    clear: bool = True
    parts: Sequence[float] = ()


def forest(
    lines: Sequence[Line],
    title: Sequence[str],
    zero: str = "",
    theme: Theme = PRINT,
    width: Width = 760,
) -> alt.LayerChart:
    """A line for each interval, its name above it; parts are small ticks.

    Args:
        lines: from top to bottom, at least one.
        title: of the axis, in lines.
        zero: what is written at 0 for differences, whose axis then holds 0; else plain values.
        theme: colours and type.
        width: in pixels, or "container".
    """
    data = [
        {
            "label": line.label,
            "role": line.role,
            **ends(line.value),
            "text": line.text,
            "fill": line.role if line.clear else "paper",
            "n": line.value.n,
        }
        for line in lines
    ]
    scale = _scale(data, bool(zero))
    label = f"datum.value === 0 ? '{zero}' : format(datum.value, '+~g')" if zero else PLAIN
    axis = alt.Axis(labelExpr=label, tickCount=5)

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", title=list(title), scale=scale, axis=axis)

    down = alt.Y("label:N", sort=[line.label for line in lines], axis=None)
    tooltip = tips({"label:N": "variant", "text:N": "mean [95% interval]", "n:Q": "n"})
    chart = over(data).encode(y=down, color=theme.role(), tooltip=tooltip)
    names = chart.encode(x=alt.value(0), text="label:N")
    rules = chart.mark_rule(strokeWidth=2, yOffset=8, y2Offset=8)
    dots = chart.mark_point(size=90, opacity=1, strokeWidth=2, yOffset=8)
    parts = [
        {"label": line.label, "role": line.role, "part": value}
        for line in lines
        for value in line.parts
    ]
    ticks = over(parts).mark_tick(thickness=1.5, size=14, opacity=0.6, yOffset=8, clip=True)
    layers = [
        *([over([{"zero": 0}]).mark_rule(color=theme.muted).encode(x=x("zero"))] if zero else []),
        *([ticks.encode(x=x("part"), y=down, color=theme.role())] if parts else []),
        rules.encode(x=x("low"), x2="high"),
        dots.encode(x=x("mean"), fill=theme.role(alt.Fill, "fill")),
        *haloed(names, theme, align="left", dy=-10),
    ]
    return finish(layers, theme, width, LINE * len(data))


def ends(value: Interval) -> dict[str, float]:
    """The mean and the ends as fields of a datum; the mean for an end that is not known."""
    low = value.mean if value.low is None else value.low
    high = value.mean if value.high is None else value.high
    return {"mean": value.mean, "low": low, "high": high}


def _scale(data: Sequence[dict[str, Any]], has_zero: bool) -> alt.Scale:
    low, high = min(d["low"] for d in data), max(d["high"] for d in data)
    if has_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    elif low > 0 and high > _WIDE * low:
        room = (high / low) ** 0.03
        return alt.Scale(type="log", domain=[low / room, high * room], nice=False)
    return between(low, high, 0.03)
