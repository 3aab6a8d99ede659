"""Line plots: training curves, tuned radii, and rises of the loss."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import altair as alt

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.key import Key
from sssam.lab.report.theme import PRINT, Theme, Width, across, finish, over, spanning, tips, up
from sssam.lab.specs import Score, Tuning
from sssam.lab.training.radius import RADII, Rises

Quantity = Literal["train_loss", "validation_accuracy"]

HEIGHT = 340
#: Of the unseen points that show a tooltip, in square pixels. Vega-Lite's own search for the
#: nearest point loses the text fields of the tooltip.
REACH = 400
RADIUS = "\N{GREEK SMALL LETTER RHO}, the radius of the perturbation"
#: Rises below this are rounding on a logarithmic axis, those above ten say nothing more.
FLOOR, CEILING = 1e-3, 10.0


def lines(
    data: Sequence[Mapping[str, Any]],
    x: alt.X,
    y: alt.Y,
    fields: Mapping[str, str],
    key: Key,
    theme: Theme,
    width: Width,
    below: Sequence[alt.Chart] = (),
) -> alt.LayerChart:
    """One line a label; unseen points show their numbers and bring their line forward.

    `data` hold of each point its `label`, its coordinates, and whether it is marked as `chosen`;
    `fields` are those of the tooltip, as `theme.tips` takes them; `below` is drawn below the lines.
    """
    hover = alt.selection_point(name="hovered", on="pointerover", fields=["label"])
    labels = list(dict.fromkeys(point["label"] for point in data))
    points = [{**point, "key": key[point["label"]].key} for point in data]
    colour = key.colour(labels, theme)
    chart = over(points).encode(x=x, y=y, color=colour, detail="label:N")
    drawn = chart.mark_line(strokeWidth=1.8, clip=True).encode(
        strokeDash=key.dash(labels, theme),
        opacity=alt.condition(hover, alt.value(1.0), alt.value(0.15)),
    )
    reach = chart.mark_point(filled=True, size=REACH, clip=True)
    reach = reach.encode(opacity=alt.value(0), tooltip=tips(fields)).add_params(hover)
    marked = [point for point in points if point.get("chosen")]
    dots = over(marked).mark_point(filled=True, size=80).encode(x=x, y=y, color=colour)
    layers = [*below, drawn, *([dots.encode(opacity=alt.value(1))] if marked else []), reach]
    return finish(layers, theme, width, HEIGHT)


def curves(
    comparison: Comparison, quantity: Quantity, key: Key, theme: Theme = PRINT, width: Width = 760
) -> alt.LayerChart:
    """One line a variant: `quantity` at the end of each epoch, over the passes spent until then."""
    data = [point for each in comparison.variants for point in _points(each, quantity)]
    title, values = "training loss at w", [point["value"] for point in data]
    scale = spanning(values)
    if quantity == "validation_accuracy":
        title = f"validation {comparison.task.metric}, %"
        low = min({point["label"]: point["value"] for point in data}.values())  # of the ends
        low -= max(max(values) - low, 5.0)
        scale = alt.Scale(domain=[low, max(values) + 0.5], nice=False, zero=False)
    x = across("passes", ["passes spent,", "in epochs of the base"], alt.Scale())
    fields = {"label:N": "variant", "value:Q .4~g": title, "epoch:Q": "epoch"}
    fields["passes:Q .2f"] = "spent"
    return lines(data, x, up("value", title, scale), fields, key, theme, width)


def _points(variant: Variant, quantity: Quantity) -> list[dict[str, Any]]:
    scale = 100 if quantity == "validation_accuracy" else 1
    values = [(point, getattr(point, quantity)) for point in variant.curve]
    return [
        {
            "label": variant.label,
            "epoch": point.epoch,
            "passes": round(point.passes, 4),
            "value": float(f"{scale * value:.5g}"),
        }
        for point, value in values
        if value is not None
    ]


def sensitivity(
    tuning: Sequence[Tuning], metric: str, key: Key, theme: Theme = PRINT, width: Width = 760
) -> alt.LayerChart:
    """One line a variant: mean validation score at each rho of its grid, the chosen one marked."""
    data: list[dict[str, Any]] = [
        {
            "label": each.label,
            "rho": rho,
            "value": round(100 * score.mean, 3),
            "spread": round(100 * score.spread, 3),
            "chosen": rho == each.values["rho"],
            "diverged": score.diverged,
        }
        for each in tuning
        for rho, score in _best(each.scores).items()
    ]
    title = f"validation {metric}, %"
    fields = {"label:N": "variant", "rho:Q ~g": "rho", "value:Q .2f": title}
    fields |= {"spread:Q .2f": "standard deviation over seeds", "diverged:Q": "diverged runs"}
    x = _radii(sorted({point["rho"] for point in data}))
    return lines(data, x, up("value", title, alt.Scale(zero=False)), fields, key, theme, width)


def _radii(values: Sequence[float]) -> alt.X:
    scale = alt.Scale(type="log", nice=False)
    return across("rho", RADIUS, scale, labelOverlap="greedy", values=list(values))


def with_rho(tuning: Iterable[Tuning], variants: Sequence[Variant]) -> list[Tuning]:
    """What was tuned over more than one rho, of the variants that are compared, in their order."""
    by_label = {each.label: each for each in tuning if len(each.grids.get("rho", ())) > 1}
    return [by_label[v.label] for v in variants if v.label in by_label and by_label[v.label].scores]


def _best(scores: Sequence[Score]) -> dict[float, Score]:
    """The best score at each rho that was tried, whatever else was tried with it."""
    ranked = sorted(scores, key=lambda score: score.mean)
    by_rho = {float(score.values.get("rho", 0)): score for score in ranked}
    return {rho: by_rho[rho] for rho in sorted(by_rho) if rho > 0}


def rises(points: Sequence[Rises], rise: float, theme: Theme = PRINT) -> alt.LayerChart:
    """How far the loss rises at each radius, a line a point of the run; both axes logarithmic.

    The level line is at the `rise` that the suggested radius is read off at.
    """
    data = [
        {"label": f"{point.share:.0%} of the run", "rho": rho, "rise": float(f"{value:.4g}")}
        for point in points
        for rho, value in zip(RADII, point.rises, strict=True)
        if FLOOR <= value <= CEILING
    ]
    key = Key((str(each["label"]), "sam", str(each["label"])) for each in data)
    scale = alt.Scale(type="log", domain=[FLOOR, CEILING], nice=False)
    y = up("rise", "rise of the loss", scale, values=[0.001, 0.01, 0.1, 1, 10])
    level = over([{"rise": rise}]).mark_rule(strokeDash=[4, 4], color=theme.muted).encode(y=y)
    fields = {"label:N": "at", "rho:Q ~g": "rho", "rise:Q .3~g": "rise"}
    return lines(data, _radii(RADII), y, fields, key, theme, 760, [level])
