"""The points of the main figure: where they and their names are drawn."""

from math import inf
from typing import Any

from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report.front import front
from sssam.lab.report.labels import Mark, columns, place, side_x, spread
from sssam.lab.report.rows import interval
from sssam.lab.stats import Interval

Point = dict[str, Any]

HEIGHT = 380
LINE = 17  # pixels from one name to the next
APART = 0.012  # propagations between points that cost the same
REACH = 0.15  # propagations between points whose names stand in one column
MOST = 0.2  # propagations that one column of names spans
LEFT = 0.97  # where the axis of propagations begins
LETTER = 7.2 / 660  # of a letter's width, in the figure's, where that is least
NAMED = {True: 12, False: 30}  # rows that a narrow figure, and a wide one, has room to name
BELOW = "below"  # the shape of a point whose place is below the figure


def placed(comparison: Comparison, narrow: bool) -> tuple[list[Point], tuple[float, float]]:
    """A point for each measured row with the place of its name, and the y domain for all of it.

    Where there are more rows than names have room, only base, SAM and the front are named.
    """
    points = [
        _datum(row, row.accuracy)
        for row in comparison.variants
        if row.accuracy is not None and row.cost is not None
    ]
    if not points:
        return [], (0.0, 1.0)
    points = _raised(_beside(points), _floor(comparison))
    first = named(comparison, narrow)
    shown = [p for p in points if p["label"] in first or p["shape"] == BELOW]
    others = [p for p in points if p not in shown]
    domain = _named(shown, narrow)
    for p in others:
        p |= {"name": "", "label_x": p["x"], "label_y": p["y"], "side": "right"}
    low, high = min(p["y_low"] for p in points), max(p["y_high"] for p in points)
    return points, (min(domain[0], low), max(domain[1], high))


def named(comparison: Comparison, narrow: bool) -> set[str]:
    """The labels of the rows that the figure names."""
    measured = [row.label for row in comparison.variants if row.accuracy is not None]
    if len(measured) <= NAMED[narrow]:
        return set(measured)
    apart = [row for row in (comparison.base, comparison.sam) if row is not None]
    return {row.label for row in (*apart, *front(comparison))}


def right(points: list[Point]) -> float:
    """Where the axis of propagations ends: beyond the points and the names right of them."""
    ends: list[float] = [max(2.0, *(p["x"] for p in points)) + 0.04]
    for point in points:
        if point["side"] == "right":
            share = min(0.4, LETTER * len(point["name"]))
            ends.append((point["label_x"] - LEFT * share) / (1 - share))
    return max(ends)


def _datum(row: Variant, accuracy: Interval) -> Point:
    return {
        "label": row.label,
        "role": row.role,
        "shape": row.role,
        "cost": row.cost,
        **interval(accuracy),
        "seeds": accuracy.n,
    }


def _beside(points: list[Point]) -> list[Point]:
    """Points of equal cost side by side, so that their intervals can be read."""
    drawn = spread([point["cost"] for point in points], APART)
    return [point | {"x": x} for point, x in zip(points, drawn, strict=True)]


def _floor(comparison: Comparison) -> float:
    """Half of SAM's gain below base: points below that would squeeze all others together."""
    base, sam = comparison.base, comparison.sam
    if base is None or sam is None or base.accuracy is None or sam.accuracy is None:
        return float("-inf")
    gain = sam.accuracy.mean - base.accuracy.mean
    return base.accuracy.mean - 0.5 * gain if gain > 0 else float("-inf")


def _raised(points: list[Point], floor: float) -> list[Point]:
    """Points below the floor stand on the lower edge instead, with their value in their name."""
    inside = [point for point in points if point["mean"] >= floor]
    low, high = min(p["low"] for p in inside), max(p["high"] for p in inside)
    edge = low - 0.1 * (high - low)
    return [point | _drawn(point, edge, point["mean"] < floor) for point in points]


def _drawn(point: Point, edge: float, below: bool) -> Point:
    if not below:
        return {
            "name": point["label"],
            "y": point["mean"],
            "y_low": point["low"],
            "y_high": point["high"],
        }
    name = f"{point['label']}, at {point['mean']:.1f}"
    return {"name": name, "y": edge, "y_low": edge, "y_high": edge, "shape": BELOW}


def _named(points: list[Point], narrow: bool) -> tuple[float, float]:
    """Gives the points the places of their names, and returns the y domain that these need.

    In a narrow figure they are below the points, and no two at one height.
    """
    low, high = min(p["y_low"] for p in points), max(p["y_high"] for p in points)
    bottom, top = low, high
    marks, heights, gap = list[Mark](), [0.0], 0.0
    for _ in range(4):  # names need room, and room changes what a pixel is worth
        gap = LINE * max(top - bottom, 0.5) / HEIGHT
        wished = _under(points, gap) if narrow else [p["y"] for p in points]
        marks = [Mark(p["name"], p["x"], y) for p, y in zip(points, wished, strict=True)]
        heights = place(marks, inf, gap) if narrow else place(marks, REACH, gap, MOST)
        bottom, top = min(low, *heights) - gap, max(high, *heights) + gap
    edges = side_x(marks, REACH, 8 * gap, MOST)
    last = max(mark.x for mark in marks)
    for point, height, edge in zip(points, heights, edges, strict=True):
        left = narrow and edge > 1.3 and edge > last - 0.2
        point |= {"label_y": height, "side": "left" if left else "right"}
        point["label_x"] = point["x"] - 0.03 if left else edge + 0.03
    return bottom, top


def _under(points: list[Point], gap: float) -> list[float]:
    """Below the points, one block of names for each crowd, the blocks from right to left.

    So the lines from points to names cross no other block's names.
    """
    heights = [0.0] * len(points)
    for level in _levels(points, 8 * gap):
        height = min(points[i]["y_low"] for i in level)
        for block in reversed(columns([points[i]["x"] for i in level], REACH)):
            for i in sorted((level[j] for j in block), key=lambda i: -points[i]["y"]):
                heights[i] = height = height - gap
    return heights


def _levels(points: list[Point], apart: float) -> list[list[int]]:
    """The points by height, cut where two that follow are further than that apart."""
    return [level[::-1] for level in reversed(columns([p["y"] for p in points], apart))]
