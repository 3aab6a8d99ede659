"""How flat the rows' solutions are: the largest eigenvalue of each, with its interval."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.rows import down, interval, named
from sssam.lab.report.theme import PLAIN, PRINT, Theme, Width, finish, over
from sssam.lab.stats import Interval

LINE = 28  # pixels a row
#: From this ratio of the largest to the smallest value on the axis is logarithmic.
_WIDE = 5.0


def eigenvalues(
    comparison: Comparison, theme: Theme = PRINT, width: Width = 760, narrow: bool = False
) -> alt.LayerChart:
    """A point a row at its mean top eigenvalue, with the 95% interval; the axis may be logarithmic.

    Raises:
        ValueError: no row's flatness was measured.
    """
    data = [_datum(row, row.flatness.eigenvalue) for row in comparison.variants if row.flatness]
    if not data:
        raise ValueError("no row's flatness was measured, so there is nothing to plot")
    scale = _scale(data)
    chart = over(data).encode(y=down(data, narrow), color=theme.role(), tooltip=_tooltip())
    x = _x("mean", scale)
    layers = [
        chart.mark_rule(strokeWidth=2).encode(x=_x("low", scale), x2="high"),
        chart.mark_point(filled=True, size=90, opacity=1).encode(x=x),
        *(named(chart, _x("left", scale), scale, theme) if narrow else []),
    ]
    line = LINE + 18 if narrow else LINE
    return finish(layers, theme, width, line * len(data))


def _datum(row: Variant, value: Interval) -> dict[str, Any]:
    return {
        "label": row.label,
        "role": row.role,
        **interval(value),
        "models": value.n,
    }


def _scale(data: Sequence[dict[str, Any]]) -> alt.Scale:
    low, high = min(d["low"] for d in data), max(d["high"] for d in data)
    if low > 0 and high > _WIDE * low:
        room = (high / low) ** 0.03
        return alt.Scale(type="log", domain=[low / room, high * room], nice=False)
    room = 0.03 * (high - low) or 0.5
    return alt.Scale(domain=[low - room, high + room], nice=False, zero=False)


def _x(field: str, scale: alt.Scale) -> alt.X:
    title = ["top eigenvalue of the Hessian", "of the training loss"]
    axis = alt.Axis(labelExpr=PLAIN, tickCount=6, labelSeparation=8)
    return alt.X(f"{field}:Q", title=title, scale=scale, axis=axis)


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("label:N", title="row"),
        alt.Tooltip("mean:Q", title="top eigenvalue", format=".3g"),
        alt.Tooltip("low:Q", title="95% from", format=".3g"),
        alt.Tooltip("high:Q", title="to", format=".3g"),
        alt.Tooltip("models:Q", title="models"),
    ]
