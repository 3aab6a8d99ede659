"""The loss over a plane through a solution, as a map."""

from typing import Any

import altair as alt

from sssam.lab.report.lines import LOSS
from sssam.lab.report.theme import PLAIN, PRINT, Theme, Width, finish, heading, over, spanning
from sssam.lab.specs.flatness import Plane

SIDE, HIGH = 520, 436  # pixels of a plane, with its axis, across and up: it is a square


def surface(plane: Plane, theme: Theme = PRINT, width: Width = SIDE) -> alt.LayerChart:
    """The loss over the plane of two random directions, a tile a point; the solution is at 0.

    Args:
        plane: evenly spaced, with 0 among its coordinates and a loss that is finite.
        theme: colours and type.
        width: in pixels, or "container".
    """
    data = [
        {"x": x, "y": y, "loss": loss}
        for y, row in zip(plane.y, plane.loss, strict=True)
        for x, loss in zip(plane.x, row, strict=True)
        if loss is not None
    ]
    kind = spanning([point["loss"] for point in data]).to_dict()["type"]
    scale = alt.Scale(type=kind, scheme="blues", reverse=True)
    legend = alt.Legend(title=LOSS, orient="bottom", gradientLength=220, tickCount=4)
    labels: dict[str, Any] = {
        "labelExpr": PLAIN,
        "labelOverlap": "greedy",
        "labelAngle": 0,
        "grid": False,
    }
    x = alt.X("x:O", title="first direction", axis=alt.Axis(**labels))
    y = alt.Y("y:O", sort="descending", axis=heading("second direction", **labels))
    seamless = alt.expr("scale('color', datum.loss)")  # a channel would make the legend one of dots
    tiles = over(data).mark_rect(strokeWidth=0.3, stroke=seamless)
    tiles = tiles.encode(
        x=x,
        y=y,
        color=alt.Color("loss:Q", scale=scale, legend=legend),
        tooltip=[alt.Tooltip("loss:Q", title=LOSS, format=".4g")],
    )
    model = over([{"x": 0.0, "y": 0.0}]).mark_point(shape="cross", filled=True, size=110)
    cross = model.encode(x=x, y=y, color=alt.value(theme.roles["scheduled"]))
    return finish([tiles, cross], theme, width, HIGH)
