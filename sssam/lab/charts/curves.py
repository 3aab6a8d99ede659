"""Training curves, as means over the finished runs, over what was spent."""

from math import log10
from typing import Any, Literal

import altair as alt

from sssam.lab.charts.labels import Mark, place, side_x
from sssam.lab.charts.theme import PRINT, Theme, Width, finish, haloed, heading, over
from sssam.lab.comparison import Comparison, Row

Quantity = Literal["train_loss", "validation_accuracy"]

HEIGHT = 360
LINE = 16
TITLES = {
    "train_loss": "training loss at w",
    "validation_accuracy": "validation accuracy, %",
}
#: Rows of one colour differ in their dashes.
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [1, 4], [4, 2, 1, 2, 1, 2])


def curves(
    comparison: Comparison,
    quantity: Quantity,
    theme: Theme = PRINT,
    width: Width = 760,
    narrow: bool = False,
) -> alt.LayerChart:
    """One line a row: `quantity` at the end of each epoch, over the propagations spent until then.

    Raises:
        ValueError: no row has a curve.
    """
    data = [point for row in comparison.rows for point in _points(row, quantity)]
    if not data:
        raise ValueError("no run has finished, so there is no curve to plot; run the study first")
    dashes, colour = _dashes(comparison), _colour(comparison, theme, narrow)
    log = _over_decades(data)
    ends, floor = _ends(data, log)
    x, y = _scales(data, narrow, floor, log)
    hover = alt.selection_point(name="hovered", on="pointerover", fields=["label"], nearest=True)
    lines = (
        over(data)
        .mark_line(strokeWidth=1.8)
        .encode(
            x=_x("passes", x),
            y=_y("value", y, quantity),
            color=colour,
            strokeDash=_dash(dashes, narrow),
            opacity=alt.condition(hover, alt.value(1.0), alt.value(0.18)),
        )
    )
    reach = lines.mark_point(size=60, opacity=0).encode(
        tooltip=_tooltip(quantity), opacity=alt.value(0), strokeDash=alt.value([1, 0])
    )
    layers: list[alt.Chart] = [lines, reach.add_params(hover)]
    if not narrow:
        layers += _names(ends, x, y, quantity, colour, theme)
    return finish(layers, theme, width, HEIGHT)


def _points(row: Row, quantity: Quantity) -> list[dict[str, Any]]:
    scale = 100 if quantity == "validation_accuracy" else 1
    values = [(point, getattr(point, quantity)) for point in row.curve]
    return [
        {
            "label": row.label,
            "role": row.role,
            "epoch": point.epoch,
            "passes": round(point.passes, 4),
            "value": float(f"{scale * value:.5g}"),
        }
        for point, value in values
        if value is not None
    ]


def _dashes(comparison: Comparison) -> dict[str, list[int]]:
    seen: dict[str, int] = {}
    dashes = {}
    for row in comparison.rows:
        colour = PRINT.roles[row.role]
        seen[colour] = seen.get(colour, -1) + 1
        dashes[row.label] = DASHES[seen[colour] % len(DASHES)]
    return dashes


def _dash(dashes: dict[str, list[int]], narrow: bool) -> alt.StrokeDash:
    scale = alt.Scale(domain=list(dashes), range=list(dashes.values()))
    return alt.StrokeDash("label:N", scale=scale, legend=_legend(narrow))


def _colour(comparison: Comparison, theme: Theme, narrow: bool) -> alt.Color:
    colours = {row.label: theme.roles[row.role] for row in comparison.rows}
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color("label:N", scale=scale, legend=_legend(narrow))


def _legend(narrow: bool) -> alt.Legend | None:
    """Telephones have no room beside the lines' ends."""
    legend = alt.Legend(orient="bottom", columns=2, symbolType="stroke", labelLimit=130)
    return legend if narrow else None


def _scales(
    data: list[dict[str, Any]], narrow: bool, floor: float, log: bool
) -> tuple[alt.Scale, alt.Scale]:
    right = max(d["passes"] for d in data) * (1.0 if narrow else 1.17)
    values = [d["value"] for d in data]
    low, high = min(floor, *values), max(values)
    x = alt.Scale(domain=[0, right], nice=False)
    if log:
        return x, alt.Scale(type="log", domain=[low, high], nice=False)
    return x, alt.Scale(domain=[low, high], nice=False, zero=False)


def _over_decades(data: list[dict[str, Any]]) -> bool:
    low, high = min(d["value"] for d in data), max(d["value"] for d in data)
    return bool(low > 0 and high / low > 100)


def _x(field: str, scale: alt.Scale) -> alt.X:
    title = ["propagations spent", "in epochs of the base optimizer"]
    return alt.X(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(grid=False))


def _y(field: str, scale: alt.Scale, quantity: Quantity) -> alt.Y:
    return alt.Y(f"{field}:Q", scale=scale, axis=heading(TITLES[quantity]))


def _ends(data: list[dict[str, Any]], log: bool) -> tuple[list[dict[str, Any]], float]:
    """The last point of each line, with the place of its name; and the lowest of these places."""
    ends = list({d["label"]: dict(d) for d in data}.values())
    marks = [Mark(d["label"], d["passes"], _height(d["value"], log)) for d in ends]
    values = [_height(d["value"], log) for d in data]
    right = max(mark.x for mark in marks)
    gap = LINE * (max(values) - min(values)) / HEIGHT * 1.15
    heights = place(marks, 0.1 * right, gap)
    edges = side_x(marks, 0.1 * right, 8 * gap)
    for end, height, edge in zip(ends, heights, edges, strict=True):
        end |= {"at": 10**height if log else height, "edge": edge + 0.012 * right}
    return ends, min(end["at"] for end in ends)


def _height(value: float, log: bool) -> float:
    return log10(value) if log else value


def _names(
    ends: list[dict[str, Any]],
    x: alt.Scale,
    y: alt.Scale,
    quantity: Quantity,
    colour: alt.Color,
    theme: Theme,
) -> list[alt.Chart]:
    """The name of each line beside its end."""
    chart = over(ends).encode(color=colour)
    leads = chart.mark_rule(strokeWidth=0.8, opacity=0.5).encode(
        x=_x("passes", x), x2="edge", y=_y("value", y, quantity), y2="at"
    )
    texts = chart.encode(x=_x("edge", x), y=_y("at", y, quantity), text="label:N")
    return [leads, *haloed(texts, theme, align="left", dx=3)]


def _tooltip(quantity: Quantity) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("label:N", title="row"),
        alt.Tooltip("value:Q", title=TITLES[quantity], format=".4~g"),
        alt.Tooltip("epoch:Q", title="epoch"),
        alt.Tooltip("passes:Q", title="spent", format=".2f"),
    ]
