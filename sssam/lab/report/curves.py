"""Training curves, as means over the finished runs, over what was spent."""

from typing import Any, Literal

import altair as alt

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.key import Key
from sssam.lab.report.theme import PLAIN, PRINT, Theme, Width, finish, heading, over, tips

Quantity = Literal["train_loss", "validation_accuracy"]

HEIGHT = 340
#: Of the unseen points that show a tooltip, in square pixels. Vega-Lite's own search for the
#: nearest point loses the text fields of the tooltip.
REACH = 400


def curves(
    comparison: Comparison,
    quantity: Quantity,
    key: Key,
    theme: Theme = PRINT,
    width: Width = 760,
) -> alt.LayerChart:
    """One line a variant: `quantity` at the end of each epoch, over the passes spent until then.

    Raises:
        ValueError: no variant has a curve.
    """
    data = [point for each in comparison.variants for point in _points(each, quantity, key)]
    if not data:
        raise ValueError("no run has finished, so there is no curve to plot; run the study first")
    title = "training loss at w"
    if quantity == "validation_accuracy":
        title = f"validation {comparison.task.metric}, %"
    y = alt.Y("value:Q", axis=heading(title), scale=_scale(data, quantity))
    x = alt.X("passes:Q", title=PASSES, axis=alt.Axis(grid=False, labelExpr=PLAIN, tickCount=8))
    fields = {"label:N": "variant", "value:Q .4~g": title, "epoch:Q": "epoch"}
    tooltip = tips(fields | {"passes:Q .2f": "spent"})
    return finish(lines(data, key, x, y, tooltip, theme), theme, width, HEIGHT)


PASSES = ["passes spent,", "in epochs of the base"]


def lines(
    data: list[dict[str, Any]],
    key: Key,
    x: alt.X,
    y: alt.Y,
    tooltip: list[alt.Tooltip],
    theme: Theme,
) -> list[alt.Chart]:
    """Lines by `label`, and unseen points that show their numbers and bring their line forward."""
    hover = alt.selection_point(name="hovered", on="pointerover", fields=["label"])
    labels = list(dict.fromkeys(point["label"] for point in data))
    chart = over(data).encode(x=x, y=y, color=key.colour(labels, theme), detail="label:N")
    drawn = chart.mark_line(strokeWidth=1.8, clip=True).encode(
        strokeDash=key.dash(labels, theme),
        opacity=alt.condition(hover, alt.value(1.0), alt.value(0.15)),
    )
    reach = chart.mark_point(filled=True, size=REACH, clip=True)
    return [drawn, reach.encode(opacity=alt.value(0), tooltip=tooltip).add_params(hover)]


def _points(variant: Variant, quantity: Quantity, key: Key) -> list[dict[str, Any]]:
    scale = 100 if quantity == "validation_accuracy" else 1
    values = [(point, getattr(point, quantity)) for point in variant.curve]
    return [
        {
            "label": variant.label,
            "key": key[variant.label].key,
            "epoch": point.epoch,
            "passes": round(point.passes, 4),
            "value": float(f"{scale * value:.5g}"),
        }
        for point, value in values
        if value is not None
    ]


def _scale(data: list[dict[str, Any]], quantity: Quantity) -> alt.Scale:
    """Losses over two decades on a logarithmic axis; of accuracies the end of the runs."""
    values = [point["value"] for point in data]
    if quantity == "train_loss":
        is_wide = 0 < 100 * min(values) < max(values)
        return alt.Scale(type="log" if is_wide else "linear", zero=False)
    last = {point["label"]: point["value"] for point in data}
    low, high = min(last.values()), max(values)
    return alt.Scale(domain=[low - max(high - low, 5.0), high + 0.5], nice=False, zero=False)
