"""The points of the main figure: where they and their names are drawn."""

from typing import Any

from sssam.lab.analysis.comparison import Comparison, Row
from sssam.lab.charts.labels import Mark, columns, place, side_x, spread
from sssam.lab.stats import Interval

Point = dict[str, Any]

HEIGHT = 380
LINE = 17  # pixels from one name to the next
APART = 0.012  # propagations between points that cost the same
REACH = 0.15  # propagations between points whose names stand in one column
BELOW = "below"  # the shape of a point whose place is below the figure


def placed(comparison: Comparison, narrow: bool) -> tuple[list[Point], tuple[float, float]]:
    """A point for each measured row with the place of its name, and the y domain for all of it."""
    points = [
        _datum(row, row.accuracy)
        for row in comparison.rows
        if row.accuracy is not None and row.cost is not None
    ]
    if not points:
        return [], (0.0, 1.0)
    return _named(_raised(_beside(points), _floor(comparison)), narrow)


def _datum(row: Row, accuracy: Interval) -> Point:
    return {
        "label": row.label,
        "role": row.role,
        "shape": row.role,
        "cost": row.cost,
        "mean": accuracy.mean,
        "low": accuracy.mean if accuracy.low is None else accuracy.low,
        "high": accuracy.mean if accuracy.high is None else accuracy.high,
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


def _named(points: list[Point], narrow: bool) -> tuple[list[Point], tuple[float, float]]:
    """The places of the names; in a narrow figure below the points, and no two at one height."""
    low, high = min(p["y_low"] for p in points), max(p["y_high"] for p in points)
    bottom, top = low, high
    marks, heights, gap = list[Mark](), [0.0], 0.0
    for _ in range(4):  # names need room, and room changes what a pixel is worth
        gap = LINE * max(top - bottom, 0.5) / HEIGHT
        wished = _under(points, gap) if narrow else [p["y"] for p in points]
        marks = [Mark(p["name"], p["x"], y) for p, y in zip(points, wished, strict=True)]
        heights = place(marks, 10.0 if narrow else REACH, gap)
        bottom, top = min(low, *heights) - gap, max(high, *heights) + gap
    edges = side_x(marks, REACH, 8 * gap)
    for point, height, edge in zip(points, heights, edges, strict=True):
        left = edge > 1.3 and edge > max(mark.x for mark in marks) - 0.2
        point |= {"label_y": height, "side": "left" if left else "right"}
        point["label_x"] = point["x"] - 0.03 if left else edge + 0.03
    return points, (bottom, top)


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
