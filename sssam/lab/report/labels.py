"""Where the names of points go, so that none lies on another."""

from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression


class Mark(NamedTuple):
    """Something to be named: where it is, in the units of its axes."""

    name: str
    x: float
    y: float


def spread(values: Sequence[float], gap: float) -> list[float]:
    """The values moved apart to at least `gap`, in their order, by the least squared movement.

    >>> [round(v, 6) for v in spread([0.0, 0.1, 5.0], 1.0)]
    [-0.45, 0.55, 5.0]
    """
    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(values))
    moved = isotonic_regression(np.asarray(values, dtype=float)[order] - steps).x + steps
    placed = np.empty(len(values))
    placed[order] = moved
    return [float(v) for v in placed]


def place(marks: Sequence[Mark], reach: float, gap: float, most: float = inf) -> list[float]:
    """The height of each mark's name; marks closer than `reach` along x share one column.

    No column is wider than `most`, as `columns` has it.
    """
    heights = [0.0] * len(marks)
    for column in columns([mark.x for mark in marks], reach, most):
        for index, y in zip(column, spread([marks[i].y for i in column], gap), strict=True):
            heights[index] = y
    return heights


def side_x(marks: Sequence[Mark], reach: float, near: float, most: float = inf) -> list[float]:
    """Where each name begins: right of all marks of its column that are `near` it in height."""
    edges = [0.0] * len(marks)
    for column in columns([mark.x for mark in marks], reach, most):
        for i in column:
            edges[i] = max(marks[j].x for j in column if abs(marks[j].y - marks[i].y) <= near)
    return edges


def columns(values: Sequence[float], reach: float, most: float = inf) -> list[list[int]]:
    """The indices of the values in rising order, cut where two that follow are further apart.

    What spans more than `most` is cut at its widest step too.

    >>> columns([3.0, 1.0, 1.2], 0.5)
    [[1, 2], [0]]
    >>> columns([1.0, 1.2, 1.6, 1.7], 0.5, most=0.6)
    [[0, 1], [2, 3]]
    """
    ranked = sorted(range(len(values)), key=lambda i: values[i])
    return _cut(ranked, values, reach, most) if ranked else []


def _cut(ranked: list[int], values: Sequence[float], reach: float, most: float) -> list[list[int]]:
    steps = [values[b] - values[a] for a, b in pairwise(ranked)]
    if not steps or (max(steps) <= reach and sum(steps) <= most):
        return [ranked]
    at = steps.index(max(steps)) + 1
    return [part for side in (ranked[:at], ranked[at:]) for part in _cut(side, values, reach, most)]
