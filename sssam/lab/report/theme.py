"""Colours, type and sizes of all charts; every colour is told apart by the colour-blind too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import altair as alt

_SCREEN = (
    "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, Liberation Sans, sans-serif"
)

#: Either a number of pixels, or as wide as the page gives room for.
Width = int | Literal["container"]

#: Charts narrower than this get the layout for telephones.
NARROW = 560

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


@dataclass(frozen=True)
class Theme:
    """The colours of a chart: ink for words, muted for axes, faint for grids, paper behind."""

    ink: str
    muted: str
    faint: str
    paper: str
    shade: str
    roles: dict[str, str] = field(default_factory=lambda: dict(ROLES))
    font: str = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"

    def role(self, title: str | None = None) -> alt.Color:
        """The colour of a mark by the field `role`."""
        scale = alt.Scale(domain=list(self.roles), range=list(self.roles.values()))
        return alt.Color("role:N", title=title, scale=scale, legend=None)


#: For files: dark ink on white.
PRINT = Theme(ink="#1d2433", muted="#667085", faint="#e4e7ec", paper="#ffffff", shade="#eef4f9")

#: For the page: names that its style sheet gives a value, in light, in dark and on paper.
PAGE = Theme(
    ink="var(--ink)",
    muted="var(--muted)",
    faint="var(--faint)",
    paper="var(--paper)",
    shade="var(--shade)",
    roles={role: f"var(--{role})" for role in ROLES},
    font=_SCREEN,  # named, not var(--sans): text is measured outside the style sheet
)

#: For a page without the library that draws: its letters are as wide where it is read as here.
DRAWN = replace(PAGE, font=PRINT.font)


def heading(title: str, **axis: Any) -> alt.Axis:
    """A y axis with its title lying above it, so that it takes no width."""
    return alt.Axis(title=title, **{**_HEADING, **axis})


_HEADING: dict[str, Any] = {
    "titleAngle": 0,
    "titleAlign": "left",
    "titleAnchor": "start",
    "titleBaseline": "bottom",
    "titleX": -34,
    "titleY": -14,
}


def haloed(chart: alt.Chart, theme: Theme, behind: str = "", **mark: Any) -> list[alt.Chart]:
    """Text with paper, or the colour `behind`, around its letters, so that lines end before it."""
    text, colour = {"baseline": "middle", **mark}, behind or theme.paper
    halo = chart.mark_text(**text, stroke=colour, strokeWidth=7, strokeJoin="round")
    return [halo.encode(color=alt.value(colour)), chart.mark_text(**text)]


def over(values: Sequence[Mapping[str, Any]]) -> alt.Chart:
    """A chart over values that it holds itself.

    Altair checks data where it is made and copies lists at each turn, which took most of the time
    of a report: a tuple that is set later is passed on as it is.
    """
    data = alt.InlineData(values=[])
    data["values"] = tuple(dict(value) for value in values)
    return alt.Chart(data)


def finish(layers: Sequence[alt.Chart], theme: Theme, width: Width, height: int) -> alt.LayerChart:
    """The layers as a chart with its size, and the look that all of them share."""
    axis: dict[str, Any] = {
        "domain": False,
        "ticks": False,
        "grid": True,
        "gridColor": theme.faint,
        "labelColor": theme.muted,
        "titleColor": theme.muted,
        "labelFontSize": 13,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
        "labelPadding": 8,
        "titlePadding": 12,
    }
    finished: alt.LayerChart = (
        alt.layer(*layers)
        .properties(
            width=width,
            height=height,
            background=theme.paper if theme is PRINT else "transparent",
            padding=20 if theme is PRINT else 5,
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        )
        .configure(font=theme.font)
        .configure_view(stroke=None)
        .configure_axis(**axis)
        .configure_text(font=theme.font, fontSize=13)
        .configure_legend(
            labelColor=theme.ink,
            labelFontSize=13,
            title=None,
            symbolSize=120,
            rowPadding=6,
            columnPadding=18,
        )
    )
    return finished
