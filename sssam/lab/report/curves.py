"""Training curves, as means over the finished runs, over what was spent."""

from typing import Any, Literal

import altair as alt

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.scales import Scaled, accuracies, losses
from sssam.lab.report.series import Key
from sssam.lab.report.theme import PLAIN, PRINT, Theme, Width, finish, heading, over

Quantity = Literal["train_loss", "validation_accuracy"]

HEIGHT = 340
#: Of the unseen points that show a tooltip, in square pixels. Vega-Lite's own search for the
#: nearest point loses the text fields of the tooltip.
REACH = 500


def curves(
    comparison: Comparison,
    quantity: Quantity,
    theme: Theme = PRINT,
    width: Width = 760,
    narrow: bool = False,
) -> alt.LayerChart:
    """One line a row: `quantity` at the end of each epoch, over the propagations spent until then.

    The key ranks the rows by where their lines end, since lines that meet can't be named there.

    Raises:
        ValueError: no row has a curve.
    """
    data = [point for row in comparison.variants for point in _points(row, quantity)]
    if not data:
        raise ValueError("no run has finished, so there is no curve to plot; run the study first")
    key, scaled = _key(comparison, data, quantity), _scaled(data, quantity)
    title = "training loss at w"
    if quantity == "validation_accuracy":
        title = f"validation {comparison.task.metric}, %"
    drawn = [
        point | {"height": height, "key": key.named[point["label"]]}
        for point, height in zip(data, scaled.heights, strict=True)
    ]
    x = alt.Scale(domain=[0, max(point["passes"] for point in drawn)], nice=False)
    layers = _layers(drawn, key, x, scaled, title, theme, narrow)
    return finish(layers, theme, width, HEIGHT if narrow else key.height(HEIGHT))


def _layers(
    data: list[dict[str, Any]],
    key: Key,
    x: alt.Scale,
    scaled: Scaled,
    title: str,
    theme: Theme,
    narrow: bool,
) -> list[alt.Chart]:
    """Lines, the points where they end, and points unseen that tell their numbers."""
    hover = alt.selection_point(name="hovered", on="pointerover", fields=["label"])
    common = {
        "x": _x(x, narrow),
        "y": _y(scaled, title),
        "color": key.colour(theme, narrow),
        "opacity": alt.condition(hover, alt.value(1.0), alt.value(0.15)),
    }
    lines = over(data).mark_line(strokeWidth=1.8).encode(**common, strokeDash=key.dash(narrow))
    ends = list({point["label"]: point for point in data}.values())
    dots = over(ends).mark_point(filled=True, size=36).encode(**common)
    reach = (
        over(data).mark_point(filled=True, size=REACH).encode(**common | {"opacity": alt.value(0)})
    )
    told = reach.encode(tooltip=_tooltip(title)).add_params(hover)
    return [lines, dots, told]


def _points(row: Variant, quantity: Quantity) -> list[dict[str, Any]]:
    scale = 100 if quantity == "validation_accuracy" else 1
    values = [(point, getattr(point, quantity)) for point in row.curve]
    return [
        {
            "label": row.label,
            "epoch": point.epoch,
            "passes": round(point.passes, 4),
            "value": float(f"{scale * value:.5g}"),
        }
        for point, value in values
        if value is not None
    ]


def _scaled(data: list[dict[str, Any]], quantity: Quantity) -> Scaled:
    values = [point["value"] for point in data]
    found = losses(values) if quantity == "train_loss" else accuracies(values, HEIGHT)
    return found._replace(heights=[float(f"{height:.5g}") for height in found.heights])


def _key(comparison: Comparison, data: list[dict[str, Any]], quantity: Quantity) -> Key:
    ends = {point["label"]: point["value"] for point in data}
    digits = 1 if quantity == "validation_accuracy" else 3
    ranked = sorted(ends, key=lambda label: -ends[label])
    return Key(
        comparison.variants, {label: f"{ends[label]:.{digits}f}  {label}" for label in ranked}
    )


def _x(scale: alt.Scale, narrow: bool) -> alt.X:
    title = ["propagations spent", "in epochs of the base optimizer"]
    axis = alt.Axis(grid=False, tickCount=5 if narrow else 9, labelExpr=PLAIN)
    return alt.X("passes:Q", title=title, scale=scale, axis=axis)


def _y(scaled: Scaled, title: str) -> alt.Y:
    return alt.Y("height:Q", scale=scaled.scale, axis=heading(title, **scaled.axis))


def _tooltip(title: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("label:N", title="variant"),
        alt.Tooltip("value:Q", title=title, format=".4~g"),
        alt.Tooltip("epoch:Q", title="epoch"),
        alt.Tooltip("passes:Q", title="spent", format=".2f"),
    ]
