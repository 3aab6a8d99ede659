"""The space that is searched: from what a sampler draws to a method that costs exactly the budget.

Every draw is feasible. A parameter that the budget binds is drawn as its place, from 0 to 1, within
what the budget leaves open; then `with_budget` moves the schedule by the last rounding.
"""

from collections.abc import Callable, Mapping, Sequence
from math import exp
from types import MappingProxyType

from optuna import Trial

from sssam.lab.search.design import Design
from sssam.lab.specs import Method
from sssam.schedules import Schedule, constant, cosine, late, linear, piecewise, power, sine

#: How far apart, in nats, the pieces of a free form may lie before the largest meet 1.
REACH = 3.0


def propose(draw: Trial, design: Design, total_steps: int) -> Method:
    """A method whose expected cost is the design's budget, to 1e-12.

    Args:
        draw: gives the parameters.
        design: the search.
        total_steps: steps of a run, at least 2.

    Returns:
        A method of kind "sssam", labelled with its family.
    """
    family = draw.suggest_categorical("family", list(SHAPES))
    fraction = _fraction(draw, design)
    mean = design.mean(fraction)
    if mean > (total_steps - 1) / total_steps:  # SAM at every step, whatever the family
        family = "constant"
    schedule = SHAPES[family](design.knots)(draw, mean, total_steps)
    options = {} if fraction == 1 else {"ascent_fraction": fraction}
    return Method(
        label=family,
        kind="sssam",
        rho=float(f"{draw.suggest_float('rho', *design.rho, log=True):.3g}"),
        schedule=_met(schedule, mean, total_steps).to_dict(),
        options={**options, "draws": "systematic"},
    )


def _fraction(draw: Trial, design: Design) -> float:
    if len(design.usable) == 1:
        return design.usable[0]
    return float(draw.suggest_categorical("fraction", [f"{f:.12g}" for f in design.usable]))


def _met(schedule: Schedule, mean: float, total_steps: int) -> Schedule:
    return schedule.with_budget(round(1 + mean, 12), total_steps)


Shape = Callable[[Trial, float, int], Schedule]


def _constant(draw: Trial, mean: float, total_steps: int) -> Schedule:
    return constant(mean)


def _ramp(family: Callable[[float, float], Schedule]) -> Shape:
    def shape(draw: Trial, mean: float, total_steps: int) -> Schedule:
        """From a start that leaves the end in [0, 1]: rising, level or falling."""
        full = family(0.0, 1.0).mean_probability(total_steps)
        low, high = max(0.0, (mean - full) / (1 - full)), min(1.0, mean / (1 - full))
        start = low + draw.suggest_float("start", 0.0, 1.0) * (high - low)
        end = start + (mean - start) / full
        return family(start, min(max(end, 0.0), 1.0))

    return shape


def _power(draw: Trial, mean: float, total_steps: int) -> Schedule:
    return _met(power(1.0), mean, total_steps)


def _late(draw: Trial, mean: float, total_steps: int) -> Schedule:
    return late(mean)


def _two_levels(draw: Trial, mean: float, total_steps: int) -> Schedule:
    """Two levels, the first anywhere that leaves the second in [0, 1]."""
    edge = draw.suggest_float("edge", 0.05, 0.95)
    low, high = max(0.0, (mean - (1 - edge)) / edge), min(1.0, mean / edge)
    first = low + draw.suggest_float("level", 0.0, 1.0) * (high - low)
    second = (mean - edge * first) / (1 - edge)
    return piecewise([edge], [first, min(max(second, 0.0), 1.0)])


def _block(draw: Trial, mean: float, total_steps: int) -> Schedule:
    """One block of SAM steps, from the very first steps to the very last ones."""
    steps = mean * total_steps
    begin = draw.suggest_float("place", 0.0, 1.0) * (total_steps - steps)
    edges = {round(begin): 1.0, round(begin + steps): 0.0}
    inner = {edge: value for edge, value in edges.items() if 0 < edge < total_steps}
    if round(begin) == round(begin + steps) or not inner:
        return late(mean)
    return piecewise(
        [edge / total_steps for edge in inner], [float(round(begin) <= 0), *inner.values()]
    )


def _pieces(knots: int) -> Shape:
    def shape(draw: Trial, mean: float, total_steps: int) -> Schedule:
        """Equal pieces, each at a height of its own."""
        heights = [draw.suggest_float(f"height {i}", -REACH, REACH) for i in range(knots)]
        edges = [i / knots for i in range(1, knots)]
        return piecewise(edges, filled(heights, mean))

    return shape


def filled(heights: Sequence[float], mean: float) -> list[float]:
    """min(1, c exp(height)) with the c that makes this the mean.

    So one can reach flat and peaked schedules alike, at any budget.

    Args:
        heights: any finite numbers.
        mean: in [0, 1].

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


#: What is proposed under each name: families of `sssam.schedules`, and two free forms.
SHAPES: Mapping[str, Callable[[int], Shape]] = MappingProxyType(
    {
        "constant": lambda knots: _constant,
        "linear": lambda knots: _ramp(linear),
        "cosine": lambda knots: _ramp(cosine),
        "sine": lambda knots: _ramp(sine),
        "power": lambda knots: _power,
        "late": lambda knots: _late,
        "piecewise": lambda knots: _two_levels,
        "block": lambda knots: _block,
        "pieces": _pieces,
    }
)
