"""Differences to controls with their intervals, a line each."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import altair as alt

from sssam.lab.report.theme import PRINT, Theme, Width, across, between, finish, over, tips
from sssam.lab.stats import Interval

LINE = 30  # pixels a line


class ForestLine(NamedTuple):
    """One interval; `text` is what its tooltip says, a point that is not `clear` is hollow."""

    label: str
    role: str
    value: Interval
    text: str
    clear: bool = True


def forest(lines: Sequence[ForestLine], theme: Theme = PRINT, width: Width = 760) -> alt.LayerChart:
    """The intervals from top to bottom, at least one; the axis holds 0, where the control is."""
    data: list[dict[str, Any]] = [
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
    least, most = min(d["low"] for d in data), max(d["high"] for d in data)
    scale = between(min(least, 0.0), max(most, 0.0), 0.03)
    label = "datum.value === 0 ? 'control' : format(datum.value, '+~g')"
    title = ["percentage points above", "the best control"]
    x = partial(across, title=title, scale=scale, labelExpr=label, grid=True, tickCount=5)
    y = alt.Y("label:N", sort=[line.label for line in lines], title=None)
    tooltip = tips({"label:N": "variant", "text:N": "mean [95% interval]", "n:Q": "n"})
    chart = over(data).encode(y=y, color=theme.role(), tooltip=tooltip)
    dots = chart.mark_point(size=90, opacity=1, strokeWidth=2)
    layers = [
        over([{"zero": 0}]).mark_rule(color=theme.muted).encode(x=x("zero")),
        chart.mark_rule(strokeWidth=2).encode(x=x("low"), x2="high"),
        dots.encode(x=x("mean"), fill=theme.role(alt.Fill, "fill")),
    ]
    return finish(layers, theme, width, LINE * len(data))


def ends(value: Interval) -> dict[str, float]:
    """The mean and the ends as fields of a datum; the mean for an end that is not known."""
    low = value.mean if value.low is None else value.low
    high = value.mean if value.high is None else value.high
    return {"mean": value.mean, "low": low, "high": high}
