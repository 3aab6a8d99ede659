"""Scheduling functions as curves, with the sharpness-aware steps below: drawn, or expected."""

import json
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from statistics import fmean
from typing import Any, NamedTuple

import altair as alt

from sssam.lab.report.theme import PRINT, Theme, Width, across, finish, over, tips

BAND = 60  # pixels a schedule
CURVE, STRIP = 0.48, (-0.17, -0.05)  # heights in bands, above the band's line
MOST = 240  # bins of a run, more of which could not be distinguished


class Band(NamedTuple):
    """One schedule: its probabilities, and for each step whether it was sharpness-aware."""

    name: str
    role: str
    probabilities: Sequence[float]
    taken: Sequence[bool]


def schedules(bands: Sequence[Band], theme: Theme = PRINT, width: Width = 760) -> alt.LayerChart:
    """The probability of a sharpness-aware step over a run; the strip tells where steps fell."""
    rows = list(reversed(bands))
    data = [bin_ for row, band in enumerate(rows) for bin_ in _bins(band, row)]
    scale = alt.Scale(domain=[-0.25, len(bands) - 0.4], nice=False, zero=False)
    x = partial(
        across,
        title="progress of the run",
        scale=alt.Scale(domain=[0, 1]),
        labelExpr="format(datum.value, '.0%')",
        tickCount=5,
    )

    names = f"{json.dumps([band.name for band in rows])}[datum.value]"
    axis = alt.Axis(values=list(range(len(rows))), labelExpr=names, grid=False, title=None)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=scale, axis=axis)

    fields = {"label:N": "variant", "step:Q": "from step", "p:Q .3f": "probability"}
    tooltip = tips({**fields, "part:Q .0%": "sharpness-aware"})
    chart = over(data).encode(color=theme.role())
    bins = chart.encode(x=x("from"), x2="to", tooltip=tooltip)
    shade = alt.Opacity("part:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None)
    line = chart.mark_line(strokeWidth=1.6, interpolate="step-after")
    layers = [
        bins.mark_rect(opacity=0.22).encode(y=y("bottom"), y2="top"),
        line.encode(x=x("from"), y=y("top"), detail="label:N"),
        bins.mark_rect().encode(y=y("low"), y2="high", opacity=shade),
    ]
    return finish(layers, theme, width, BAND * len(bands))


def _bins(band: Band, row: int) -> list[dict[str, Any]]:
    """The run in bins, of one step if it is short: mean probability, part of the steps taken."""
    total = len(band.taken)
    count = min(total, MOST)
    edges = [i * total // count for i in range(count + 1)]
    return [
        {
            "label": band.name,
            "role": band.role,
            "from": round(a / total, 4),
            "to": round(b / total, 4),
            "step": a,
            "p": round(p := fmean(band.probabilities[a:b]), 4),
            "part": round(sum(band.taken[a:b]) / (b - a), 3),
            "bottom": row,
            "top": round(row + CURVE * p, 4),
            "low": row + STRIP[0],
            "high": row + STRIP[1],
        }
        for a, b in pairwise(edges)
    ]
