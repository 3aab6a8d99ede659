"""Colours, type, axes and sizes of all charts; the colour-blind can tell them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import altair as alt

#: Either a number of pixels, or as wide as the page gives room for.
Width = int | Literal["container"]

#: One hue a role, after Okabe and Ito, darkened until text in it reads on white.
ROLES = {
    "base": "#667085",
    "control": "#667085",
    "sam": "#0067a5",
    "scheduled": "#c14f00",
    "part": "#00795a",
    "other": "#9b4f82",
}
#: Labels of an axis as plain numbers: "10", where the format of an axis itself gives "1e+1".
PLAIN = "format(datum.value, '~g')"
#: The parameter that names what is switched off in the key; a page sets it in all of its charts.
OFF = "off"
#: The room for names on an axis: on a narrow page they are cut, and tooltips have them whole.
NAMES = "containerSize()[0] < 500 ? 130 : 260"
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"


@dataclass(frozen=True)
class Theme:
    """The colours of a chart: ink for words, muted for axes, faint for grids, paper behind.

    `legend` is whether charts have a legend of their own; a page has one for all of its charts.
    """

    ink: str = "#1d2433"
    muted: str = "#667085"
    faint: str = "#e4e7ec"
    paper: str = "#ffffff"
    roles: Mapping[str, str] = field(default_factory=lambda: dict(ROLES))
    legend: bool = True

    def role(self, channel: type[Any] = alt.Color, name: str = "role") -> Any:
        """The colour of a mark, or of another channel, by a field that holds a role or "paper"."""
        colours = {**self.roles, "paper": self.paper}
        scale = alt.Scale(domain=list(colours), range=list(colours.values()))
        return channel(f"{name}:N", scale=scale, legend=None)


#: For files: dark ink on white.
PRINT = Theme()
#: For the page: names that its style sheet gives a value, in light, in dark and on paper.
PAGE = Theme(
    **{name: f"var(--{name})" for name in ("ink", "muted", "faint", "paper")},
    roles={role: f"var(--{role})" for role in ROLES},
    legend=False,
)


def across(field: str, title: str | Sequence[str], scale: alt.Scale, **axis: Any) -> alt.X:
    """The horizontal axis of a field: plain numbers, no grid unless `axis` says so."""
    axis = {"grid": False, "labelExpr": PLAIN, "tickCount": 8, **axis}
    return alt.X(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(**axis))


def up(field: str, title: str, scale: alt.Scale, **axis: Any) -> alt.Y:
    """The vertical axis of a field; its title lies above it, so that it takes no width."""
    above: dict[str, Any] = {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "start"}
    above |= {"titleBaseline": "bottom", "titleX": -34, "titleY": -14, "labelExpr": PLAIN, **axis}
    return alt.Y(f"{field}:Q", scale=scale, axis=alt.Axis(title=title, **above))


def tips(fields: Mapping[str, str]) -> list[alt.Tooltip]:
    """Tooltips by field, such as "label:N", or "value:Q .2f" with its format, and their titles."""
    parts = [(field.partition(" "), title) for field, title in fields.items()]
    return [
        alt.Tooltip(field, title=title, format=form or alt.Undefined)
        for (field, _, form), title in parts
    ]


def over(values: Sequence[Mapping[str, Any]]) -> alt.Chart:
    """A chart over values that it holds itself, but for those whose `key` is switched off.

    Altair checks data where it is made and copies lists at each turn, which took most of the time
    of a report: a tuple that is set later is passed on as it is.
    """
    data = alt.InlineData(values=[])
    data["values"] = tuple(dict(value) for value in values)
    chart = alt.Chart(data)
    switched = bool(values) and "key" in values[0]
    return chart.transform_filter(f"indexof({OFF}, datum.key) < 0") if switched else chart


def spanning(values: Sequence[float]) -> alt.Scale:
    """A scale that need not hold 0, logarithmic where the values span more than two decades."""
    is_wide = 0 < 100 * min(values) < max(values)
    return alt.Scale(type="log" if is_wide else "linear", zero=False)


def between(low: float, high: float, room: float = 0.06) -> alt.Scale:
    """A scale from low to high, with this part of its length as room at both ends."""
    apart = room * (high - low) or 0.5
    return alt.Scale(domain=[low - apart, high + apart], nice=False, zero=False)


def finish(layers: Sequence[alt.Chart], theme: Theme, width: Width, height: int) -> alt.LayerChart:
    """The layers as a chart with its size, and the look that all of them share."""
    finished: alt.LayerChart = (
        alt.layer(*layers)
        .add_params(alt.param(name=OFF, value=[]))
        .properties(
            width=width,
            height=height,
            background=theme.paper if theme is PRINT else "transparent",
            padding=20 if theme is PRINT else 5,
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        )
        .configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(
            domain=False,
            ticks=False,
            gridColor=theme.faint,
            labelColor=theme.muted,
            titleColor=theme.muted,
            labelFontSize=13,
            titleFontSize=13,
            titleFontWeight="normal",
            labelLimit=alt.ExprRef(NAMES),
            labelPadding=8,
            titlePadding=12,
        )
        .configure_legend(labelColor=theme.ink, labelFontSize=13, labelLimit=230, title=None)
    )
    return finished
