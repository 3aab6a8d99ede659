"""The main figure: the accuracy that each price buys, in passes or in seconds."""

from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import numpy as np
from scipy.optimize import isotonic_regression

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.forest import ends
from sssam.lab.report.key import LENGTHS, Key, is_length, named
from sssam.lab.report.text import points
from sssam.lab.report.theme import PLAIN, PRINT, Theme, Width, finish, haloed, heading, over, tips

#: What a price is counted in; each is 1 for a run of the base.
Axis = Literal["passes", "seconds"]
AXES: tuple[Axis, ...] = ("passes", "seconds")
HEIGHT = 400
APART = 0.012  # of the axis, between points of one price
FAR = 1.5  # of the height from the base up to the best: what lies further below is left out


def price(variant: Variant, axis: Axis) -> float | None:
    """What a run costs in those of the base; None where that was not measured."""
    return variant.cost if axis == "passes" else variant.seconds


def priced(comparison: Comparison, axis: Axis) -> list[Variant]:
    """The variants that the figure has a point for, the cheapest first."""
    every = [v for v in comparison.variants if v.accuracy is not None and price(v, axis)]
    return sorted(every, key=lambda variant: price(variant, axis) or 0.0)


def accuracy_against_cost(
    comparison: Comparison,
    axis: Axis,
    key: Key,
    theme: Theme = PRINT,
    width: Width = 760,
) -> alt.LayerChart:
    """Mean test accuracy with its interval over the price; the base at all its lengths is a line.

    Raises:
        ValueError: no variant was measured, or none of them has a price on that axis.
    """
    shown = priced(comparison, axis)
    if not shown:
        raise ValueError(f"no variant was measured with its {axis}, so there is nothing to plot")
    data = _data(comparison, shown, axis, key)
    labels = [variant.label for variant in shown]
    low, high = min(d["x"] for d in data), max(d["x"] for d in data)
    room = 0.06 * (high - low) or 0.5
    x_scale = alt.Scale(domain=[low - room, high + room], nice=False, zero=False)
    x = alt.X(
        "x:Q",
        title=[f"price in {axis}", "a whole run, 1 is one of the base"],
        scale=x_scale,
        axis=alt.Axis(grid=False, labelExpr=PLAIN, tickCount=8),
    )
    y_scale = alt.Scale(domain=_heights(comparison, shown), nice=False, zero=False)
    heights = heading(f"test {comparison.task.metric}, %")

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=y_scale, axis=heights)

    tooltip = tips(
        {
            "label:N": "variant",
            "mean:Q .2f": f"test {comparison.task.metric}, %",
            "low:Q .2f": "95% from",
            "high:Q .2f": "to",
            "gain:N": "gain over base",
            "passes:N": "passes",
            "seconds:N": "seconds",
            "n:Q": "seeds",
        }
    )
    chart = over(data).encode(x=x, color=key.colour(labels, theme), tooltip=tooltip)
    dots = chart.mark_point(filled=True, size=110, opacity=1, clip=True)
    layers = [
        *_lengths(data, x, y("mean"), theme),
        chart.mark_rule(strokeWidth=1.4, clip=True).encode(y=y("low"), y2="high"),
        dots.encode(y=y("mean"), shape=key.shape(labels, theme)),
        *_names(data, comparison, x, y("high"), theme),
    ]
    return finish(layers, theme, width, HEIGHT)


def below(comparison: Comparison, axis: Axis) -> list[Variant]:
    """The variants that lie below the lower edge of the figure."""
    shown = priced(comparison, axis)
    edge = _heights(comparison, shown)[0] if shown else 0.0
    return [v for v in shown if v.accuracy is not None and v.accuracy.mean < edge]


def _data(
    comparison: Comparison, shown: Sequence[Variant], axis: Axis, key: Key
) -> list[dict[str, Any]]:
    prices = [price(variant, axis) or 0.0 for variant in shown]
    places = beside(prices, APART * (max(prices) - min(prices)))
    return [
        {
            "label": v.label,
            "key": key[v.label].key,
            "x": round(x, 4),
            "line": is_length(v) or v == comparison.base,
            **ends(v.accuracy),
            "n": v.accuracy.n,
            "gain": "none" if v.to_base is None else points(v.to_base, 2),
            "passes": _text(v.cost),
            "seconds": _text(v.seconds),
        }
        for v, x in zip(shown, places, strict=True)
        if v.accuracy is not None
    ]


def _text(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


def beside(values: Sequence[float], gap: float) -> list[float]:
    """Rising values moved apart to at least `gap`, by the least squared movement.

    >>> [round(v, 6) for v in beside([0.0, 0.1, 5.0], 1.0)]
    [-0.45, 0.55, 5.0]
    """
    steps = gap * np.arange(len(values))
    return [float(v) for v in isotonic_regression(np.asarray(values) - steps).x + steps]


def _heights(comparison: Comparison, shown: Sequence[Variant]) -> list[float]:
    """From the lowest variant that is not far below the base up to the highest."""
    found = [v.accuracy for v in shown if v.accuracy is not None]
    best, base = max(a.mean for a in found), comparison.base
    floor = -np.inf
    if base is not None and base.accuracy is not None and best > base.accuracy.mean:
        floor = base.accuracy.mean - FAR * (best - base.accuracy.mean)
    inside = [ends(a) for a in found if a.mean >= floor]
    low, high = min(e["low"] for e in inside), max(e["high"] for e in inside)
    room = 0.06 * (high - low) or 0.5
    return [float(low - room), float(high + room)]


def _lengths(data: list[dict[str, Any]], x: alt.X, y: alt.Y, theme: Theme) -> list[alt.Chart]:
    """The base at its lengths, connected: what more of it buys."""
    lengths = [d | {"key": LENGTHS} for d in data if d["line"]]
    if len(lengths) < 2:
        return []
    line = over(lengths).mark_line(color=theme.roles["control"], strokeWidth=1.6, clip=True)
    return [line.encode(x=x, y=y)]


def _names(
    data: list[dict[str, Any]], comparison: Comparison, x: alt.X, y: alt.Y, theme: Theme
) -> list[alt.Chart]:
    """The base, SAM and the headline's variant, named above their intervals; the key has all."""
    texts = [d for d in data if d["label"] in named(comparison)]
    low, high = min(d["x"] for d in data), max(d["x"] for d in data)
    sides: dict[str, list[dict[str, Any]]] = {"left": [], "center": [], "right": []}
    for text in texts:
        place = (text["x"] - low) / (high - low or 1.0)
        sides["left" if place < 0.2 else "right" if place > 0.8 else "center"].append(text)
    return [
        layer
        for align, some in sides.items()
        if some
        for layer in haloed(
            over(some).encode(x=x, y=y, text="label:N"), theme, align=align, dy=-9, color=theme.ink
        )
    ]
