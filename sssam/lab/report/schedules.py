"""Scheduling functions as curves, with the sharpness-aware steps below: drawn, or expected."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import altair as alt

from sssam.lab.report.theme import PRINT, Theme, Width, finish, haloed, over

BAND = 84  # pixels a schedule
CURVE, STRIP = 0.48, (-0.17, -0.05)  # heights in bands, above the band's line
MOST = 400  # more strips, or points of a curve, than this are not told apart


class Band(NamedTuple):
    """One schedule: its probabilities, and for each step whether it was sharpness-aware."""

    name: str
    role: str
    probabilities: Sequence[float]
    taken: Sequence[bool]


def schedules(bands: Sequence[Band], theme: Theme = PRINT, width: Width = 760) -> alt.LayerChart:
    """The probability of a sharpness-aware step over a run; the strip tells where steps fell.

    Raises:
        ValueError: there are no bands.
    """
    if not bands:
        raise ValueError("no method has a schedule, so there is none to plot")
    rows = [len(bands) - 1 - i for i in range(len(bands))]
    paired = list(zip(bands, rows, strict=True))
    curve = over([d for band, row in paired for d in _curve(band, row)])
    strip = over([d for band, row in paired for d in _strip(band, row)])
    names = over([_name(band, row) for band, row in paired])
    y = alt.Scale(domain=[-0.25, len(bands) - 0.25], nice=False, zero=False)
    area = curve.mark_area(opacity=0.22, interpolate="step-after", line=False).encode(
        x=_x("u"), y=_y("top", y), y2="bottom", color=theme.role(), detail="label:N"
    )
    line = curve.mark_line(strokeWidth=1.6, interpolate="step-after").encode(
        x=_x("u"), y=_y("top", y), color=theme.role(), detail="label:N"
    )
    # A line is one mark with one tooltip, so unseen rectangles tell each place its probability.
    told = curve.mark_rect(opacity=0).encode(
        x=_x("u"),
        x2="until",
        y=_y("bottom", y),
        y2="ceiling",
        tooltip=[
            alt.Tooltip("label:N", title="variant"),
            alt.Tooltip("step:Q", title="from step"),
            alt.Tooltip("p:Q", title="probability", format=".3f"),
        ],
    )
    ticks = strip.mark_rect().encode(
        x=_x("from"),
        x2="to",
        y=_y("low", y),
        y2="high",
        color=theme.role(),
        opacity=alt.Opacity("part:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None),
        tooltip=[
            alt.Tooltip("label:N", title="variant"),
            alt.Tooltip("part:Q", title="sharpness-aware", format=".0%"),
            alt.Tooltip("from:Q", title="progress from", format=".1%"),
            alt.Tooltip("to:Q", title="to", format=".1%"),
        ],
    )
    texts = names.encode(x=_x("u"), y=_y("top", y), text="label:N", color=theme.role())
    layers = [area, line, told, ticks, *haloed(texts, theme, align="left", dx=2)]
    return finish(layers, theme, width, BAND * len(bands))


def _x(field: str) -> alt.X:
    axis = alt.Axis(format="%", grid=False, values=[0, 0.25, 0.5, 0.75, 1])
    return alt.X(
        f"{field}:Q", title="progress of the run", axis=axis, scale=alt.Scale(domain=[0, 1])
    )


def _y(field: str, scale: alt.Scale) -> alt.Y:
    return alt.Y(f"{field}:Q", scale=scale, axis=None)


def _curve(band: Band, row: int) -> list[dict[str, Any]]:
    """The curve, thinned; a step's value lasts until the next, so edges stay edges."""
    total = len(band.probabilities)
    chosen = sorted({i * (total - 1) // (MOST // 2) for i in range(MOST // 2 + 1)} | _edges(band))
    ends = [(t / total, t) for t in chosen] + [(1.0, total - 1)]
    common = {"label": band.name, "role": band.role, "bottom": row, "ceiling": row + CURVE}
    return [
        common
        | {
            "u": round(u, 5),
            "until": round(until, 5),
            "step": t,
            "p": round(band.probabilities[t], 4),
            "top": round(row + CURVE * band.probabilities[t], 4),
        }
        for (u, t), (until, _) in pairwise([*ends, ends[-1]])
    ]


def _edges(band: Band) -> set[int]:
    p = band.probabilities
    jumps = {t for t in range(1, len(p)) if abs(p[t] - p[t - 1]) > 0.05}
    return jumps if len(jumps) < MOST else set()


def _strip(band: Band, row: int) -> list[dict[str, Any]]:
    """The steps as rectangles; neighbours that are equal are one, and long runs are binned."""
    total = len(band.taken)
    bins = min(total, MOST)
    edges = [i * total // bins for i in range(bins + 1)]
    parts = [sum(band.taken[a:b]) / (b - a) for a, b in pairwise(edges)]
    strips: list[dict[str, Any]] = []
    for i, part in enumerate(parts):
        if strips and strips[-1]["part"] == part:
            strips[-1]["to"] = round(edges[i + 1] / total, 4)
        else:
            place = {"from": round(edges[i] / total, 4), "to": round(edges[i + 1] / total, 4)}
            strips.append(place | {"part": part, "label": band.name, "role": band.role})
    heights = {"low": row + STRIP[0], "high": row + STRIP[1]}
    return [
        strip | heights | {"part": round(strip["part"], 3)} for strip in strips if strip["part"] > 0
    ]


def _name(band: Band, row: int) -> dict[str, Any]:
    return {"label": band.name, "role": band.role, "u": 0, "top": row + CURVE + 0.13}
