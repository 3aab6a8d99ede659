"""Paired differences to SAM, with their intervals, beside the margin that was fixed before."""

from typing import Any

import altair as alt

from sssam.lab.analysis.comparison import Comparison, Row
from sssam.lab.analysis.headline import points
from sssam.lab.charts.theme import PRINT, Theme, Width, finish, over
from sssam.lab.specs import Task

LINE = 34  # pixels a row
SIGNED = "datum.value === 0 ? 'SAM' : format(datum.value, '+~g')"


def contrasts(
    comparison: Comparison, theme: Theme = PRINT, width: Width = 760, narrow: bool = False
) -> alt.LayerChart:
    """A forest plot; the shaded part is where a row may lie and still keep SAM's gain.

    Raises:
        ValueError: no row shares a seed with SAM.
    """
    rows = [row for row in comparison.rows if row.to_sam is not None]
    if not rows:
        raise ValueError("no row shares a seed with SAM, so there is no difference to plot")
    rows = [row for row in rows if row not in far(comparison)]
    data = [_datum(row) for row in rows]
    margin, metric = comparison.task.margin, comparison.task.metric
    scale = _scale(data, margin)
    chart = over(data).encode(y=_y(data, narrow), color=theme.role(), tooltip=_tooltip())
    layers = [
        *_region(comparison.task, scale, theme),
        chart.mark_rule(strokeWidth=2).encode(x=_x("low", scale, metric), x2="high"),
        chart.mark_point(size=90, opacity=1, strokeWidth=2).encode(
            x=_x("mean", scale, metric), fill=_fill(theme)
        ),
        *([_names(chart, scale, metric)] if narrow else []),
    ]
    line = LINE + 14 if narrow else LINE
    return finish(layers, theme, width, line * len(rows))


def far(comparison: Comparison) -> list[Row]:
    """The rows left out of the plot: so far below the margin that they would hide the others."""
    low = -4 * comparison.task.margin
    found = [(row, row.to_sam) for row in comparison.rows if row.to_sam is not None]
    out = [row for row, d in found if (d.mean if d.high is None else d.high) < low]
    return out if len(out) < len(found) else []


def _datum(row: Row) -> dict[str, Any]:
    difference = row.to_sam
    if difference is None:
        return {}
    return {
        "label": row.label,
        "role": row.role,
        "mean": difference.mean,
        "low": difference.mean if difference.low is None else difference.low,
        "high": difference.mean if difference.high is None else difference.high,
        "text": points(difference),
        "verdict": "keeps" if row.holds else "not shown to keep",
        "fill": row.role if row.holds else "hollow",
        "seeds": difference.n,
    }


def _scale(data: list[dict[str, Any]], margin: float) -> alt.Scale:
    low = min(-1.5 * margin, *(d["low"] for d in data))
    high = max(0.75 * margin, *(d["high"] for d in data))
    room = 0.03 * (high - low)
    return alt.Scale(domain=[low - room, high + room], nice=False, zero=False)


def _x(field: str, scale: alt.Scale, metric: str) -> alt.X:
    title = ["difference to SAM", f"percentage points of test {metric}"]
    return alt.X(
        f"{field}:Q", title=title, scale=scale, axis=alt.Axis(labelExpr=SIGNED, tickCount=6)
    )


def _y(data: list[dict[str, Any]], narrow: bool) -> alt.Y:
    axis = None if narrow else alt.Axis(title=None, grid=False, labelLimit=240)
    return alt.Y("label:N", sort=[d["label"] for d in data], axis=axis)


def _fill(theme: Theme) -> alt.Fill:
    """A full point is shown to keep SAM's gain, a hollow one is not."""
    domain, colours = [*theme.roles, "hollow"], [*theme.roles.values(), theme.paper]
    return alt.Fill("fill:N", scale=alt.Scale(domain=domain, range=colours), legend=None)


def _region(task: Task, scale: alt.Scale, theme: Theme) -> list[alt.Chart]:
    """From the margin upwards, with a line at SAM."""
    top = scale.to_dict()["domain"][1]
    chart = over([{"low": -task.margin, "high": top, "sam": 0}])
    low, sam = (_x(field, scale, task.metric) for field in ("low", "sam"))
    return [
        chart.mark_rect(color=theme.shade).encode(x=low, x2="high"),
        chart.mark_rule(color=theme.muted, strokeDash=[4, 3]).encode(x=low),
        chart.mark_rule(color=theme.roles["sam"], strokeWidth=1.2).encode(x=sam),
    ]


def _names(chart: alt.Chart, scale: alt.Scale, metric: str) -> alt.Chart:
    left = scale.to_dict()["domain"][0]
    named: alt.Chart = chart.mark_text(align="left", baseline="middle", dy=-15)
    return named.transform_calculate(left=str(left)).encode(
        x=_x("left", scale, metric), text="label:N"
    )


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("label:N", title="row"),
        alt.Tooltip("text:N", title="difference to SAM"),
        alt.Tooltip("verdict:N", title="SAM's gain"),
        alt.Tooltip("seeds:Q", title="pairs"),
    ]
