"""What charts with a line a row share: the rows from top to bottom, their names, their ends."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from sssam.lab.report.theme import Theme, haloed
from sssam.lab.stats import Interval


def interval(value: Interval) -> dict[str, float]:
    """Its mean and its ends as fields of a datum; the mean for an end that is not known."""
    low = value.mean if value.low is None else value.low
    high = value.mean if value.high is None else value.high
    return {"mean": value.mean, "low": low, "high": high}


def down(data: Sequence[dict[str, Any]], narrow: bool) -> alt.Y:
    """The rows in their order; a narrow chart has no axis, for it has the names above its lines."""
    axis = None if narrow else alt.Axis(title=None, grid=False, labelLimit=240)
    return alt.Y("label:N", sort=[datum["label"] for datum in data], axis=axis)


def named(chart: alt.Chart, x: alt.X, scale: alt.Scale, theme: Theme) -> list[alt.Chart]:
    """The names of a narrow chart: above their lines, from where `scale` begins.

    Args:
        chart: over the rows, with `down` as its y.
        x: the channel of the field `left`.
        scale: of the channel.
        theme: colours; what is shaded lies behind the letters.
    """
    left = scale.to_dict()["domain"][0]
    texts = chart.transform_calculate(left=str(left)).encode(x=x, text="label:N")
    return haloed(texts, theme, behind=theme.shade, align="left", dy=-15, limit=300)
