"""The Pareto front: the rows that no other row undercuts in cost and beats in accuracy."""

from typing import Any

import altair as alt

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.theme import Theme, over


def front(comparison: Comparison) -> list[Variant]:
    """The rows on the front of the means, the cheapest first.

    A row is on it where every row that costs as little or less has a lower mean test accuracy;
    of rows equal in both, the first counts.
    """
    measured = [r for r in comparison.variants if r.accuracy is not None and r.cost is not None]
    best, found = float("-inf"), []
    for row in sorted(measured, key=lambda row: (row.cost or 0.0, -_mean(row))):
        if _mean(row) > best:
            best = _mean(row)
            found.append(row)
    return found


def steps(
    points: list[dict[str, Any]], rows: list[Variant], theme: Theme, x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    """The front as steps through its points: what is the best to be had at each cost.

    Args:
        points: of the figure, each with its `label`, and where it is drawn (`x`, `y`).
        rows: on the front; a front of one row is no line.
        theme: colours.
        x: the channel of the field `x`.
        y: the channel of the field `y`.
    """
    named = {row.label for row in rows}
    through = sorted((p for p in points if p["label"] in named), key=lambda p: float(p["x"]))
    if len(through) < 2:
        return []
    line = over([{"x": p["x"], "y": p["y"]} for p in through]).mark_line(
        interpolate="step-after", color=theme.muted, strokeWidth=1.2, opacity=0.75
    )
    return [line.encode(x=x, y=y)]


def _mean(row: Variant) -> float:
    return row.accuracy.mean if row.accuracy is not None else float("-inf")
