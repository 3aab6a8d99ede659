"""Which values of a variant's settings are tried next: a pattern search on a logarithmic scale.

The first trials change one setting at a time from the start. The next one takes all of those
changes that helped together. Then, around the best so far, each setting is tried on both sides:
beyond the end of its grid where the best lies there, at the nearest values that were tried
elsewhere, and at the geometric mean between them, so that steps shrink from 4 to 2 to the root of
2. After Hooke and Jeeves, "Direct search" solution of numerical and statistical problems (1961).
"""

import itertools
import math
from collections.abc import Mapping, Sequence

from sssam.lab.specs.record import Value
from sssam.lab.studies.design import Axis

#: A point that may be tried: the values of all axes, in their order.
Proposal = tuple[Value, ...]

#: How often a grid is widened at either end.
WIDENINGS = 4

#: Values are this ratio apart before finer steps are taken: the root of 2, as rounded.
FINEST = 1.45


def proposed(axes: Sequence[Axis], scores: Mapping[Proposal, float], trials: int) -> list[Proposal]:
    """The points to try next; empty where all `trials` are made, or no other point is there.

    Args:
        axes: of the settings that are tuned.
        scores: of the points tried so far, in the order of their trials; larger is better.
        trials: how many points are tried in all.

    >>> rho = Axis(values=(0.1, 0.4, 1.6), start=0.1, grows=True)
    >>> proposed([rho], {(0.1,): 0.7, (0.4,): 0.8, (1.6,): 0.9}, 10)
    [(6.4,), (0.8,)]
    """
    left = trials - len(scores)
    if left < 1:
        return []
    if not scores:
        return _first(axes, trials)[:left]
    together = _together(axes, scores)
    if together not in scores:
        return [together]
    best, *others = ranked(scores)
    moves = _around(axes, best, scores, FINEST)
    for point in others if not moves else ():
        moves += _around(axes, point, scores, FINEST, inside=True)
    return list(dict.fromkeys(moves or _around(axes, best, scores, 1.0)))[:left]


def ranked(scores: Mapping[Proposal, float]) -> list[Proposal]:
    """The points, best first; of equal ones (to 12 digits) that which was tried first."""
    return sorted(scores, key=lambda point: -round(scores[point], 12))


def _first(axes: Sequence[Axis], trials: int) -> list[Proposal]:
    """All combinations of lists that do not grow; else the start, and each other value by itself.

    Those nearest to the start come first, of all axes in turn.
    """
    if not any(a.grows for a in axes) and math.prod(len(a.values) for a in axes) <= trials:
        return list(itertools.product(*(axis.values for axis in axes)))
    start = tuple(axis.start for axis in axes)
    changes = [
        (abs(place - axis.values.index(axis.start)), i, value)
        for i, axis in enumerate(axes)
        for place, value in enumerate(axis.values)
        if value != axis.start
    ]
    changes.sort(key=lambda change: change[:2])
    return [start, *(_changed(start, i, value) for _, i, value in changes)]


def _together(axes: Sequence[Axis], scores: Mapping[Proposal, float]) -> Proposal:
    """The start with each setting at the value that was best by itself."""
    start = tuple(axis.start for axis in axes)
    best = list(start)
    for i in range(len(axes)):
        alone = [p for p in scores if _changed(p, i, start[i]) == start]
        best[i] = max(alone, key=lambda p: (round(scores[p], 12), p == start), default=start)[i]
    return tuple(best)


def _around(
    axes: Sequence[Axis],
    point: Proposal,
    scores: Mapping[Proposal, float],
    finest: float,
    inside: bool = False,
) -> list[Proposal]:
    """The point with one setting moved, both ways: beyond ends first, between values last.

    Only `inside` the grids where that is asked for, and between values down to a ratio `finest`.
    """
    moves = list[tuple[int, Proposal]]()
    for i, axis in enumerate(axes):
        if not axis.numeric:
            moves += [(1, _changed(point, i, value)) for value in axis.values]
            continue
        tried = sorted({*axis.values, *(each[i] for each in scores)}, key=float)
        place = tried.index(point[i])
        for side in (1, -1):
            beside = tried[place + side] if 0 <= place + side < len(tried) else None
            if beside is None:
                step, value = 0, None if inside else _beyond(axis, point[i], side > 0)
            elif _changed(point, i, beside) not in scores:
                step, value = 1, beside
            else:
                step, value = 2, _between(axis, point[i], beside, finest)
            moves += [] if value is None else [(step, _changed(point, i, value))]
    return [move for _, move in sorted(moves, key=lambda each: each[0]) if move not in scores]


def _beyond(axis: Axis, end: Value, up: bool) -> Value | None:
    """The next value beyond an end of a grid, at the ratio of its first values; None at a bound."""
    first, at = sorted(float(value) for value in axis.values if value), float(end)
    ratio = (first[-1] / first[-2] if up else first[1] / first[0]) if len(first) > 1 else 4.0
    if not axis.grows or at in (axis.least, axis.most):
        return None
    if (at / first[-1] if up else first[0] / at) > ratio ** (WIDENINGS - 0.5):
        return None
    new = max(axis.least, at * ratio if up else at / ratio)
    return _short(axis, new if axis.most is None else min(new, axis.most), at)


def _between(axis: Axis, one: Value, other: Value, finest: float) -> Value | None:
    """The geometric mean of two values, or half of the larger one beside 0; None if too near."""
    low, high = sorted((float(one), float(other)))
    least = min(float(value) for value in axis.values if value)
    if not axis.grows or (high < least if not low else high / low < finest):
        return None
    return _short(axis, math.sqrt(low * high) if low else high / 2, low, high)


def _short(axis: Axis, value: float, *ends: float) -> Value | None:
    """A value to three digits, so that it reads well; whole numbers stay whole; None for an end."""
    whole = all(isinstance(each, int) for each in axis.values)
    short = max(1, round(value)) if whole else float(f"{value:.3g}")
    return None if short in ends else short


def _changed(point: Proposal, place: int, value: Value) -> Proposal:
    return (*point[:place], value, *point[place + 1 :])
