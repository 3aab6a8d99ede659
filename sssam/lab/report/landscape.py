"""The loss around solutions: along a direction, between two of them, and over a plane."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import altair as alt

from sssam.lab.report.curves import REACH
from sssam.lab.report.key import DASHES
from sssam.lab.report.theme import PLAIN, PRINT, Theme, Width, finish, heading, over, tips

HEIGHT = 340
SIDE, HIGH = 520, 436  # pixels of a plane, with its axis, across and up: it is a square
LOSS = "training loss"
_AXIS: dict[str, Any] = {"grid": False, "tickCount": 5, "labelExpr": PLAIN}
#: The roles whose colours the solutions have, in their order.
_COLOURS = ("sam", "scheduled", "part", "other", "base")


class Along(NamedTuple):
    """One line: its name, coordinates, and losses, None where they are not finite.

    A `role` gives it the colour of a comparison's variant.
    """

    name: str
    x: Sequence[float]
    loss: Sequence[float | None]
    role: str = ""


def curves(lines: Sequence[Along], theme: Theme = PRINT, width: Width = 760) -> alt.LayerChart:
    """One line a solution: the loss along a filter-normalised random direction through it.

    Raises:
        ValueError: no loss is finite.
    """
    title = ["distance along a random direction", "in lengths of each filter"]
    return finish(_lines(lines, title, theme), theme, width, HEIGHT)


def line(along: Along, theme: Theme = PRINT, width: Width = 760) -> alt.LayerChart:
    """The loss between two solutions, above the straight line between its ends.

    Raises:
        ValueError: no loss is finite.
    """
    title = "way from the first solution to the second"
    ends = [along.loss[0], along.loss[-1]]
    lines = [along]
    if None not in ends:
        lines.append(Along("straight line between the ends", (along.x[0], along.x[-1]), ends))
    return finish(_lines(lines, title, theme), theme, width, HEIGHT)


def surface(
    x: Sequence[float],
    y: Sequence[float],
    loss: Sequence[Sequence[float | None]],
    theme: Theme = PRINT,
    width: Width = SIDE,
) -> alt.LayerChart:
    """The loss over the plane of two random directions, a rectangle a point; the solution is at 0.

    Raises:
        ValueError: no loss is finite, or fewer than two coordinates.
    """
    if min(len(x), len(y)) < 2:
        raise ValueError("a plane needs two coordinates at least in each direction")
    points = [
        {"left": left, "right": right, "low": low, "high": high, "loss": value}
        for (low, high), row in zip(_edges(y), loss, strict=True)
        for (left, right), value in zip(_edges(x), row, strict=True)
        if value is not None
    ]
    kind = _scale([point["loss"] for point in points]).to_dict()["type"]
    scale = alt.Scale(type=kind, scheme="blues", reverse=True)
    legend = alt.Legend(title=LOSS, orient="bottom", gradientLength=220, tickCount=4)
    seamless = alt.expr("scale('color', datum.loss)")  # a channel would make the legend one of dots
    tiles = (
        over(points)
        .mark_rect(strokeWidth=0.3, stroke=seamless)
        .encode(
            x=alt.X("left:Q", title="first direction", scale=_tight(x), axis=alt.Axis(**_AXIS)),
            x2="right",
            y=alt.Y("low:Q", scale=_tight(y), axis=heading("second direction", **_AXIS)),
            y2="high",
            color=alt.Color("loss:Q", scale=scale, legend=legend),
            tooltip=[alt.Tooltip("loss:Q", title=LOSS, format=".4g")],
        )
    )
    centre = over([{"left": 0.0, "low": 0.0}]).mark_point(
        shape="cross", filled=True, size=110, color=theme.roles["scheduled"]
    )
    return finish([tiles, centre.encode(x="left:Q", y="low:Q")], theme, width, HIGH)


def _lines(lines: Sequence[Along], title: str | list[str], theme: Theme) -> list[alt.Chart]:
    points = [point for each in lines for point in _points(each)]
    scale = _scale([point["loss"] for point in points])
    names = [each.name for each in lines]
    roles = [each.role or _COLOURS[i % len(_COLOURS)] for i, each in enumerate(lines)]
    colours = alt.Scale(domain=names, range=[theme.roles[role] for role in roles])
    dashes = [list(DASHES[roles[:i].count(role) % len(DASHES)]) for i, role in enumerate(roles)]
    legend = alt.Legend(orient="bottom", direction="vertical", symbolType="stroke", labelLimit=300)
    chart = over(points).encode(
        x=alt.X("x:Q", title=title, axis=alt.Axis(**_AXIS), scale=alt.Scale(nice=False)),
        y=alt.Y("loss:Q", scale=scale, axis=heading(LOSS, labelExpr=PLAIN)),
        color=alt.Color("label:N", scale=colours, legend=legend),
    )
    tooltip = tips({"label:N": "solution", "x:Q .3~g": "at", "loss:Q .4~g": LOSS})
    dash = alt.StrokeDash("label:N", scale=alt.Scale(domain=names, range=dashes), legend=legend)
    reach = chart.mark_point(filled=True, size=REACH)
    return [
        chart.mark_line(strokeWidth=1.8).encode(strokeDash=dash),
        reach.encode(opacity=alt.value(0), tooltip=tooltip),
    ]


def _points(along: Along) -> list[dict[str, Any]]:
    return [
        {"label": along.name, "x": x, "loss": float(f"{loss:.6g}")}
        for x, loss in zip(along.x, along.loss, strict=True)
        if loss is not None
    ]


def _scale(values: Sequence[float]) -> alt.Scale:
    """Logarithmic where the losses span more than two decades."""
    if not values:
        raise ValueError("no loss is finite, so there is nothing to draw")
    is_wide = 0 < 100 * min(values) < max(values)
    return alt.Scale(type="log" if is_wide else "linear", zero=False)


def _edges(points: Sequence[float]) -> list[tuple[float, float]]:
    """The interval around each coordinate, half-way to its neighbours."""
    middles = [(a + b) / 2 for a, b in pairwise(points)]
    first, last = 2 * points[0] - middles[0], 2 * points[-1] - middles[-1]
    return list(pairwise([first, *middles, last]))


def _tight(points: Sequence[float]) -> alt.Scale:
    edges = _edges(points)
    return alt.Scale(domain=[edges[0][0], edges[-1][1]], nice=False, zero=False)
