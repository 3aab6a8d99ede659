"""The space that is searched: from what a sampler draws to a method that costs exactly the budget.

Every draw is feasible. A parameter that the budget binds is drawn as its place, from 0 to 1, within
what the budget leaves open; then `with_budget` moves the schedule by the last rounding.
"""

from collections.abc import Callable, Mapping, Sequence
from math import exp

from optuna import Trial

from sssam.lab.search.design import Design
from sssam.lab.specs import Method
from sssam.schedules import Schedule, constant, cosine, late, linear, piecewise, power, sine

#: Pieces of the free form, and how far apart, in nats, they may lie before the largest meet 1.
KNOTS, REACH = 5, 3.0

#: From a sampler, the mean probability and the number of steps to a schedule.
Shape = Callable[[Trial, float, int], Schedule]


def propose(draw: Trial, design: Design, total_steps: int) -> Method:
    """A method of kind "sssam" whose expected cost is the design's budget, to 1e-12.

    `draw` gives the parameters; the label is the name of the family.
    """
    family, fraction = draw.suggest_categorical("family", list(SHAPES)), design.usable[0]
    if len(design.usable) > 1:
        usable = [f"{f:.12g}" for f in design.usable]
        fraction = float(draw.suggest_categorical("fraction", usable))
    mean = design.mean(fraction)
    if mean > (total_steps - 1) / total_steps:  # SAM at every step, whatever the family
        family = "constant"
    schedule = SHAPES[family](draw, mean, total_steps)
    rho = float(f"{draw.suggest_float('rho', *design.rho, log=True):.3g}")
    return design.method(family, rho, _met(schedule, mean, total_steps), fraction)


def _met(schedule: Schedule, mean: float, total_steps: int) -> Schedule:
    return schedule.with_budget(round(1 + mean, 12), total_steps)


def _ramp(family: Callable[[float, float], Schedule]) -> Shape:
    def shape(draw: Trial, mean: float, total_steps: int) -> Schedule:
        """From a start that leaves the end in [0, 1]: rising, level or falling."""
        full = family(0.0, 1.0).mean_probability(total_steps)
        low, high = max(0.0, (mean - full) / (1 - full)), min(1.0, mean / (1 - full))
        start = low + draw.suggest_float("start", 0.0, 1.0) * (high - low)
        end = start + (mean - start) / full
        return family(start, min(max(end, 0.0), 1.0))

    return shape


def _pieces(draw: Trial, mean: float, total_steps: int) -> Schedule:
    """Equal pieces, each at a height of its own."""
    heights = [draw.suggest_float(f"height {i}", -REACH, REACH) for i in range(KNOTS)]
    return piecewise([i / KNOTS for i in range(1, KNOTS)], filled(heights, mean))


def filled(heights: Sequence[float], mean: float) -> list[float]:
    """min(1, c exp(height)) with the c that makes this the mean, in [0, 1].

    So one can reach flat and peaked schedules alike, at any budget.

    >>> filled([0.0, 0.0], 0.25), [round(p, 9) for p in filled([0.0, 3.0], 0.75)]
    ([0.25, 0.25], [0.5, 1.0])
    """
    top = max(heights)
    weights = [exp(height - top) for height in heights]
    falling = sorted(weights, reverse=True)
    for full in range(len(weights)):  # how many of the highest stand at 1
        scale = (mean * len(weights) - full) / sum(falling[full:])
        if scale * falling[full] <= 1:
            break
    return [min(1.0, max(0.0, scale * weight)) for weight in weights]


#: What is proposed under each name: families of `sssam.schedules`, and a free form.
SHAPES: Mapping[str, Shape] = {
    "constant": lambda draw, mean, total_steps: constant(mean),
    "linear": _ramp(linear),
    "cosine": _ramp(cosine),
    "sine": _ramp(sine),
    "power": lambda draw, mean, total_steps: _met(power(1.0), mean, total_steps),
    "late": lambda draw, mean, total_steps: late(mean),
    "pieces": _pieces,
}
