"""The figure of the time outside the passes, against the number of weights and of tensors."""

from collections.abc import Sequence
from pathlib import Path

import altair as alt

from benchmarks.overhead import Point, records

METHODS = alt.Color("method:N", title=None)


def draw(sizes: Sequence[Point], tensors: Sequence[Point], path: Path) -> None:
    """Write it as SVG."""
    by_size = _chart(sizes, "weights", "weights, in 10 tensors")
    by_number = _chart(tensors, "tensors", "tensors of 256 weights")
    bound = (
        alt.Chart(alt.Data(values=records(p for p in sizes if p.method == "SAM")))
        .mark_line(strokeDash=[4, 4], color="#667085")
        .encode(x=alt.X("weights:Q", scale=_LOG), y=alt.Y("bound:Q", scale=_LOG))
    )
    alt.hconcat(bound + by_size, by_number).properties(
        title="Microseconds a step beyond its passes; dashed: SAM's bytes at the memory's bandwidth"
    ).save(path)


_LOG = alt.Scale(type="log")


def _chart(points: Sequence[Point], by: str, title: str) -> alt.Chart:
    return (
        alt.Chart(alt.Data(values=records(points)), width=320, height=240)
        .mark_line(point=True)
        .encode(
            x=alt.X(f"{by}:Q", scale=_LOG, title=title),
            y=alt.Y("microseconds:Q", scale=_LOG, title="microseconds a step"),
            color=METHODS,
        )
    )
