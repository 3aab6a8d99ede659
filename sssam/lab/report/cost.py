"""The main figure: the accuracy that each price buys, in passes or in seconds."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import altair as alt
import numpy as np
from scipy.optimize import isotonic_regression

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.forest import ends
from sssam.lab.report.key import LENGTHS, Key, is_length
from sssam.lab.report.text import points
from sssam.lab.report.theme import PRINT, Theme, Width, across, between, finish, over, tips, up

#: What a price is counted in; each is 1 for a run of the base.
CostAxis = Literal["passes", "seconds"]
AXES: tuple[CostAxis, ...] = ("passes", "seconds")
HEIGHT = 400
APART = 0.012  # of the axis, between points of one price
FAR = 1.5  # of the height from the base up to the best: what lies further below is left out


def price(variant: Variant, axis: CostAxis) -> float | None:
    """What a run costs in those of the base; None where that was not measured."""
    return variant.cost if axis == "passes" else variant.seconds


def priced(comparison: Comparison, axis: CostAxis) -> list[Variant]:
    """The variants that the figure has a point for, the cheapest first."""
    every = [v for v in comparison.variants if v.accuracy is not None and price(v, axis)]
    return sorted(every, key=lambda variant: price(variant, axis) or 0.0)


def accuracy_against_cost(
    comparison: Comparison, axis: CostAxis, key: Key, theme: Theme = PRINT, width: Width = 760
) -> alt.LayerChart:
    """Mean test accuracy with its interval over the price; the base at all its lengths is a line.

    At least one variant was measured, and has a price on that axis.
    """
    drawn = priced(comparison, axis)
    data, metric = _data(comparison, drawn, axis, key), comparison.task.metric
    title = [f"price in {axis}", "a whole run, 1 is one of the base"]
    x = across("x", title, between(data[0]["x"], data[-1]["x"]))
    y = partial(up, title=f"test {metric}, %", scale=_heights(comparison, drawn))
    labels = [variant.label for variant in drawn]
    fields = {"label:N": "variant", "mean:Q .2f": f"test {metric}, %", "low:Q .2f": "95% from"}
    fields |= {"high:Q .2f": "to", "gain:N": "gain over base"}
    fields |= {f"{axis}:N": axis for axis in AXES} | {"n:Q": "seeds"}
    chart = over(data).encode(x=x, color=key.colour(labels, theme), tooltip=tips(fields))
    dots = chart.mark_point(filled=True, size=110, opacity=1, clip=True)
    # What more of the base buys: its lengths are one line.
    lengths = over([d | {"key": LENGTHS} for d in data if d["line"]])
    line = lengths.mark_line(color=theme.roles["control"], strokeWidth=1.6, clip=True)
    layers = [
        line.encode(x=x, y=y("mean")),
        chart.mark_rule(strokeWidth=1.4, clip=True).encode(y=y("low"), y2="high"),
        dots.encode(y=y("mean"), shape=key.shape(labels, theme)),
    ]
    return finish(layers, theme, width, HEIGHT)


def below(comparison: Comparison, axis: CostAxis) -> list[Variant]:
    """The variants that lie below the lower edge of the figure."""
    drawn = priced(comparison, axis)
    edge = _heights(comparison, drawn)["domain"][0]
    return [v for v in drawn if v.accuracy and v.accuracy.mean < edge]


def beside(values: Sequence[float], gap: float) -> list[float]:
    """Rising values moved apart to at least `gap`, by the least squared movement.

    >>> [round(v, 6) for v in beside([0.0, 0.1, 5.0], 1.0)]
    [-0.45, 0.55, 5.0]
    """
    steps = gap * np.arange(len(values))
    return [float(v) for v in isotonic_regression(np.asarray(values) - steps).x + steps]


def _data(
    comparison: Comparison, drawn: Sequence[Variant], axis: CostAxis, key: Key
) -> list[dict[str, Any]]:
    prices = [price(variant, axis) or 0.0 for variant in drawn]
    places = beside(prices, APART * (max(prices) - min(prices)))
    return [
        {
            "label": v.label,
            "key": key[v.label].key,
            "x": round(x, 4),
            "line": is_length(v) or v is comparison.base,
            **ends(v.accuracy),
            "n": v.accuracy.n,
            "gain": "none" if v.to_base is None else points(v.to_base, 2),
            **{axis: _number(price(v, axis)) for axis in AXES},
        }
        for v, x in zip(drawn, places, strict=True)
        if v.accuracy is not None
    ]


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


def _heights(comparison: Comparison, drawn: Sequence[Variant]) -> alt.Scale:
    """The range from the lowest variant that is not far below the base up to the highest."""
    base, best = comparison.base, max(v.accuracy.mean for v in drawn if v.accuracy)
    floor = float("-inf")
    if base is not None and base.accuracy is not None and best > base.accuracy.mean:
        floor = base.accuracy.mean - FAR * (best - base.accuracy.mean)
    inside = [ends(v.accuracy) for v in drawn if v.accuracy and v.accuracy.mean >= floor]
    return between(min(e["low"] for e in inside), max(e["high"] for e in inside))
