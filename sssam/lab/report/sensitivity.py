"""How much depends on rho: what each radius that was tried reached on validation data."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from sssam.lab.comparison.values import Variant
from sssam.lab.report.curves import HEIGHT, lines
from sssam.lab.report.key import Key
from sssam.lab.report.theme import PLAIN, PRINT, Theme, Width, finish, heading, over, tips
from sssam.lab.specs import Score, Tuning


def sensitivity(
    tuning: Sequence[Tuning],
    variants: Sequence[Variant],
    metric: str,
    key: Key,
    theme: Theme = PRINT,
    width: Width = 760,
) -> alt.LayerChart:
    """One line a variant: mean validation score at each rho of its grid, the chosen one marked.

    Raises:
        ValueError: the rho of none of the variants was tuned.
    """
    shown = with_rho(tuning, variants)
    if not shown:
        raise ValueError("rho was tuned for none of the variants, so there is nothing to compare")
    data = [point | {"key": key[each.label].key} for each in shown for point in _points(each)]
    title = f"validation {metric}, %"
    y = alt.Y("value:Q", axis=heading(title), scale=alt.Scale(zero=False))
    tooltip = tips(
        {
            "label:N": "variant",
            "rho:Q ~g": "rho",
            "value:Q .2f": title,
            "spread:Q .2f": "standard deviation over seeds",
            "diverged:Q": "diverged runs",
        }
    )
    radii = sorted({point["rho"] for point in data})
    x = alt.X(
        "rho:Q",
        title="\N{GREEK SMALL LETTER RHO}, the radius of the perturbation",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(grid=False, labelOverlap="greedy", labelExpr=PLAIN, values=radii),
    )
    drawn = lines(data, key, x, y, tooltip, theme)
    labels = list(dict.fromkeys(point["label"] for point in data))
    chosen = over([point for point in data if point["chosen"]]).mark_point(filled=True, size=80)
    dots = chosen.encode(x=x, y=y, color=key.colour(labels, theme), opacity=alt.value(1))
    return finish([drawn[0], dots, drawn[1]], theme, width, HEIGHT)


def with_rho(tuning: Sequence[Tuning], variants: Sequence[Variant]) -> list[Tuning]:
    """What was tuned over more than one rho, of the variants that are compared, in their order."""
    found = {each.label: each for each in tuning if len(each.grids.get("rho", ())) > 1}
    return [found[v.label] for v in variants if v.label in found and found[v.label].scores]


def _points(tuning: Tuning) -> list[dict[str, Any]]:
    return [
        {
            "label": tuning.label,
            "rho": rho,
            "value": round(100 * score.mean, 3),
            "spread": round(100 * score.spread, 3),
            "chosen": rho == tuning.values["rho"],
            "diverged": score.diverged,
        }
        for rho, score in _best(tuning.scores).items()
    ]


def _best(scores: Sequence[Score]) -> dict[float, Score]:
    """The radii from small to large, each at the best of the other settings tried with it."""
    ranked = sorted((s for s in scores if _rho(s) > 0), key=lambda score: score.mean)
    by_rho = {_rho(score): score for score in ranked}
    return {rho: by_rho[rho] for rho in sorted(by_rho)}


def _rho(score: Score) -> float:
    return float(score.values.get("rho", 0))
