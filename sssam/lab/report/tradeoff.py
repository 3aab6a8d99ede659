"""Accuracy against propagations: what each row brings, over what it costs."""

from collections.abc import Callable
from typing import Any

import altair as alt

from sssam.lab.comparison.headline import signed
from sssam.lab.comparison.values import Comparison
from sssam.lab.report.front import front, steps
from sssam.lab.report.places import BELOW, HEIGHT, LEFT, placed, right
from sssam.lab.report.theme import PRINT, Theme, Width, finish, haloed, heading, over

#: A field -> the vertical place that it encodes, on the scale and axis of all layers.
Heights = Callable[[str], alt.Y]


def tradeoff(
    comparison: Comparison, theme: Theme = PRINT, width: Width = 760, narrow: bool = False
) -> alt.LayerChart:
    """The plot that says it all: the mean of the metric with its interval against propagations.

    Steps in grey are the Pareto front of the means.

    Raises:
        ValueError: no row was measured.
    """
    points, domain = placed(comparison, narrow)
    if not points:
        raise ValueError("no row was measured, so there is nothing to plot; run the study first")
    hover = alt.selection_point(name="hovered", on="pointerover", fields=["label"])
    metric = comparison.task.metric
    x, heights = _scales(points, domain, narrow)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=heights, axis=heading(f"test {metric}, %"))

    base = over(points).encode(
        x=_x("x", x),
        color=theme.role(),
        tooltip=_tooltip(metric),
        opacity=alt.condition(hover, alt.value(1.0), alt.value(0.25)),
    )
    layers = [
        *_references(comparison, theme, x, y),
        *([] if narrow else _gain(comparison, theme, x, y)),
        *steps(points, front(comparison), theme, _x("x", x), y("y")),
        base.mark_rule(strokeWidth=0.8).encode(
            x2="label_x", y=y("y"), y2="label_y", opacity=alt.value(0.45)
        ),
        *_names(base, theme, x, y),
        base.mark_rule(strokeWidth=1.6).encode(y=y("y_low"), y2="y_high"),
        base.mark_point(filled=True, size=90, opacity=1)
        .encode(y=y("y"), shape=_shape())
        .add_params(hover),
    ]
    return finish(layers, theme, width, HEIGHT if not narrow else HEIGHT + 40)


def _scales(
    points: list[dict[str, Any]], domain: tuple[float, float], narrow: bool
) -> tuple[alt.Scale, alt.Scale]:
    end = max(2.0, *(p["x"] for p in points)) + 0.04 if narrow else right(points)
    x = alt.Scale(domain=[LEFT, end], nice=False, zero=False)
    return x, alt.Scale(domain=list(domain), nice=False, zero=False)


def _x(field: str, scale: alt.Scale) -> alt.X:
    axis = alt.Axis(format=".4~g", grid=False, values=[1, 1.25, 1.5, 1.75, 2, 3, 4])
    title = ["propagations", "1 is one run of the base optimizer"]
    return alt.X(f"{field}:Q", title=title, scale=scale, axis=axis)


def _shape() -> alt.Shape:
    scale = alt.Scale(
        domain=["base", "control", "sam", "scheduled", "part", "other", BELOW],
        range=["circle", "square", "diamond", "circle", "triangle-up", "cross", "triangle-down"],
    )
    return alt.Shape("shape:N", scale=scale, legend=None)


def _names(base: alt.Chart, theme: Theme, x: alt.Scale, y: Heights) -> list[alt.Chart]:
    texts = base.encode(x=_x("label_x", x), y=y("label_y"), text="name:N")
    return [
        layer
        for side, align, dx in (("right", "left", 3), ("left", "right", -3))
        for layer in haloed(
            texts.transform_filter(alt.datum.side == side), theme, align=align, dx=dx
        )
    ]


def _references(comparison: Comparison, theme: Theme, x: alt.Scale, y: Heights) -> list[alt.Chart]:
    """The levels of base and of SAM: nothing, and all, of SAM's gain."""
    base, sam = comparison.base, comparison.sam
    if base is None or sam is None or base.accuracy is None or sam.accuracy is None:
        return []
    levels = [{"level": row.accuracy.mean, "role": row.role} for row in (base, sam) if row.accuracy]
    rules = over(levels).mark_rule(strokeDash=[2, 4], strokeWidth=1.2)
    return [rules.encode(y=y("level"), color=theme.role())]


def _gain(comparison: Comparison, theme: Theme, x: alt.Scale, y: Heights) -> list[alt.Chart]:
    """The way from base up to SAM, and how long it is, where SAM's gain is shown."""
    base, sam = comparison.base, comparison.sam
    if base is None or sam is None or sam.to_base is None or not sam.to_base.above_zero:
        return []
    if base.accuracy is None or sam.accuracy is None:
        return []
    low, high = base.accuracy.mean, sam.accuracy.mean
    text = f"SAM\N{RIGHT SINGLE QUOTATION MARK}s gain {signed(sam.to_base.mean)} points"
    datum = {"low": low, "high": high, "beside": (low + high) / 2, "text": text, "x": 1.8}
    chart = over([datum]).encode(x=_x("x", x))
    way = chart.mark_rule(color=theme.muted, strokeWidth=0.8).encode(y=y("low"), y2="high")
    words = chart.encode(y=y("beside"), text="text:N")
    return [way, *haloed(words, theme, color=theme.muted, align="left", dx=7)]


def _tooltip(metric: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("label:N", title="variant"),
        alt.Tooltip("mean:Q", title=f"test {metric}, %", format=".2f"),
        alt.Tooltip("low:Q", title="95% from", format=".2f"),
        alt.Tooltip("high:Q", title="to", format=".2f"),
        alt.Tooltip("cost:Q", title="propagations", format=".3f"),
        alt.Tooltip("seeds:Q", title="seeds"),
    ]
