"""Paired differences to SAM, with their intervals, beside the margin that was fixed before."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import altair as alt

from sssam.lab.comparison.headline import points
from sssam.lab.report.rows import down, interval, named
from sssam.lab.report.theme import PRINT, Theme, Width, finish, over
from sssam.lab.stats import Interval

LINE = 34  # pixels a row
SIGNED = "datum.value === 0 ? 'SAM' : format(datum.value, '+~g')"

#: A field -> the place along the axis that it encodes, on the scale and axis of all layers.
Places = Callable[[str], alt.X]


class Contrast(NamedTuple):
    """A row's difference to SAM, and whether the row is shown to keep SAM's gain.

    `parts` are differences that it is the mean of, such as those of single tasks.
    """

    label: str
    role: str
    difference: Interval
    holds: bool
    parts: Sequence[float] = ()


def forest(
    found: Sequence[Contrast],
    margin: float,
    title: Sequence[str],
    theme: Theme = PRINT,
    width: Width = 760,
    narrow: bool = False,
) -> alt.LayerChart:
    """A line a row, shaded where a row may lie and still keep SAM's gain; parts are small ticks.

    Raises:
        ValueError: no rows.
    """
    if not found:
        raise ValueError("no row shares a seed with SAM, so there is no difference to plot")
    data = [_datum(each) for each in found]
    scale = _scale(data, margin)
    chart = over(data).encode(y=down(data, narrow), color=theme.role(), tooltip=_tooltip())

    def x(field: str) -> alt.X:
        axis = alt.Axis(labelExpr=SIGNED, tickCount=6)
        return alt.X(f"{field}:Q", title=list(title), scale=scale, axis=axis)

    layers = [
        *_region(margin, scale, x, theme),
        *_parts(found, x, data, narrow, theme),
        chart.mark_rule(strokeWidth=2).encode(x=x("low"), x2="high"),
        chart.mark_point(size=90, opacity=1, strokeWidth=2).encode(x=x("mean"), fill=_fill(theme)),
        *(named(chart, x("left"), scale, theme) if narrow else []),
    ]
    line = LINE + 14 if narrow else LINE
    return finish(layers, theme, width, line * len(data))


def below(differences: Sequence[Interval], margin: float) -> list[bool]:
    """Which differences are so far below the margin that they would hide the others; never all."""
    out = [(d.mean if d.high is None else d.high) < -4 * margin for d in differences]
    return out if not all(out) else [False] * len(out)


def _datum(row: Contrast) -> dict[str, Any]:
    difference = row.difference
    return {
        "label": row.label,
        "role": row.role,
        **interval(difference),
        "text": points(difference),
        "verdict": "keeps" if row.holds else "not shown to keep",
        "fill": row.role if row.holds else "hollow",
        "seeds": difference.n,
        "least": min(row.parts, default=difference.mean),
        "most": max(row.parts, default=difference.mean),
    }


def _scale(data: list[dict[str, Any]], margin: float) -> alt.Scale:
    low = min(-1.5 * margin, *(min(d["low"], d["least"]) for d in data))
    high = max(0.75 * margin, *(max(d["high"], d["most"]) for d in data))
    room = 0.03 * (high - low)
    return alt.Scale(domain=[low - room, high + room], nice=False, zero=False)


def _fill(theme: Theme) -> alt.Fill:
    """A full point is shown to keep SAM's gain, a hollow one is not."""
    domain, colours = [*theme.roles, "hollow"], [*theme.roles.values(), theme.paper]
    return alt.Fill("fill:N", scale=alt.Scale(domain=domain, range=colours), legend=None)


def _region(margin: float, scale: alt.Scale, x: Places, theme: Theme) -> list[alt.Chart]:
    """From the margin upwards, with a line at SAM."""
    top = scale.to_dict()["domain"][1]
    chart = over([{"low": -margin, "high": top, "sam": 0}])
    return [
        chart.mark_rect(color=theme.shade).encode(x=x("low"), x2="high"),
        chart.mark_rule(color=theme.muted, strokeDash=[4, 3]).encode(x=x("low")),
        chart.mark_rule(color=theme.roles["sam"], strokeWidth=1.2).encode(x=x("sam")),
    ]


def _parts(
    found: Sequence[Contrast], x: Places, data: list[dict[str, Any]], narrow: bool, theme: Theme
) -> list[alt.Chart]:
    parts = [
        {"label": row.label, "role": row.role, "part": value}
        for row in found
        for value in row.parts
    ]
    if not parts:
        return []
    ticks = over(parts).mark_tick(thickness=1.5, size=14, opacity=0.6)
    return [ticks.encode(x=x("part"), y=down(data, narrow), color=theme.role())]


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("label:N", title="variant"),
        alt.Tooltip("text:N", title="difference to SAM"),
        alt.Tooltip("verdict:N", title="SAM's gain"),
        alt.Tooltip("seeds:Q", title="pairs"),
    ]
