"""`python docs/radii.py` draws the radius that rho="auto" took over three trainings."""

import json
from pathlib import Path

import altair as alt

from sssam.lab.report.files import svg
from sssam.lab.report.theme import PRINT, across, finish, over, tips, up

PICTURE = Path(__file__).parent / "auto-rho.svg"
#: Means over parts of the steps, and the least and the most of three seeds.
RECORDS = Path(__file__).resolve().parents[1] / "studies" / "auto-rho" / "radii.json"
COLOURS = ("sam", "scheduled", "part")


def chart() -> alt.LayerChart:
    """A line a task with a band over the seeds, the radius on a logarithmic axis."""
    data = json.loads(RECORDS.read_text(encoding="utf-8"))
    names = list(dict.fromkeys(point["task"] for point in data))
    roles = dict(zip(names, COLOURS, strict=True))
    points = [{**point, "role": roles[point["task"]]} for point in data]
    span = "from {:.2g} to {:.2g}"
    taken = {name: [point["rho"] for point in data if point["task"] == name] for name in names}
    said = "; ".join(f"{name} {span.format(min(rho), max(rho))}" for name, rho in taken.items())
    x = across(
        "progress",
        "progress of the run",
        alt.Scale(domain=[0, 1.16], nice=False),
        labelExpr="format(datum.value, '.0%')",
        values=[0, 0.25, 0.5, 0.75, 1],
    )
    rho = "\N{GREEK SMALL LETTER RHO}"
    y = up(
        "rho",
        f"{rho}, the radius that was taken",
        alt.Scale(type="log", nice=False),
        values=[0.1, 0.2, 0.3, 0.4, 0.6],
    )
    fields = {"task:N": "task", "progress:Q .0%": "progress", "rho:Q .3~g": rho}
    lines = over(points).encode(x=x, y=y, color=PRINT.role(), detail="task:N")
    ends = over([p for p in points if p["progress"] == points[-1]["progress"]])
    ends = ends.encode(x=x, y=y, color=PRINT.role(), text="task:N")
    layers = [
        lines.mark_area(opacity=0.18).encode(y=alt.Y("least:Q"), y2="most:Q"),
        lines.mark_line(strokeWidth=1.8),
        lines.mark_point(opacity=0).encode(tooltip=tips(fields)),
        ends.mark_text(align="left", baseline="middle", dx=8, fontSize=13),
    ]
    described: alt.LayerChart = finish(layers, PRINT, 760, 300).properties(
        description=f'Line plot of the radius that rho="auto" took over a run: {said}.'
    )
    return described


def picture() -> bytes:
    """As a file."""
    return svg(chart()).encode()


if __name__ == "__main__":
    PICTURE.write_bytes(picture())
