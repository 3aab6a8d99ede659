"""What one search is, and from what a sampler draws to a method that costs exactly the budget.

Every draw is feasible. A parameter that the budget binds is drawn as its place, from 0 to 1, within
what the budget leaves open; then `with_budget` moves the schedule by the last rounding.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import exp
from typing import Annotated, Any

from optuna import Trial
from pydantic import Field, ValidationError, model_validator

from sssam.lab.specs import Method, Run, Spec, Task, Whole
from sssam.lab.specs.invalid import complaint
from sssam.lab.tasks import problems
from sssam.schedules import Schedule, constant, cosine, late, linear, piecewise, power, sine

#: Seeds of a search; tuning uses 1000 on, and a comparison counts its own from 0.
FIRST_SEED = 2000

#: Pieces of the free form, and how far apart, in nats, they may lie before the largest meet 1.
KNOTS, REACH = 5, 3.0

#: From a sampler, the mean probability and the number of steps to a schedule.
Shape = Callable[[Trial, float, int], Schedule]

Fraction = Annotated[float, Field(gt=0, le=1)]


class Design(Spec):
    """One search: a schedule and a rho for a task at a budget.

    `budget` is in propagations a step, above 1 and at most 2. A trial is trained on all of `seeds`,
    from 2000 on; its value is the mean validation accuracy, in [0, 1]. `rho` is the range of radii,
    drawn uniformly in the logarithm; `fractions` are the parts of a batch that the ascent pass may
    take, in (0, 1], of which those are used that can cost the budget. `generation` trials are drawn
    before any of them is learnt from, and the lesser half of them is given up after the first seed.
    `seed` is the sampler's. Draws are systematic, so that each run costs its budget to one step.
    """

    task: Task
    budget: Annotated[float, Field(gt=1, le=2)]
    seeds: Annotated[tuple[Annotated[int, Field(ge=FIRST_SEED)], ...], Field(min_length=1)]
    rho: tuple[float, float] = (0.02, 2.0)
    fractions: Annotated[tuple[Fraction, ...], Field(min_length=1)] = (1.0,)
    generation: Whole = 8
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _can_cost_it(self) -> "Design":
        if not 0 < self.rho[0] < self.rho[1]:
            raise ValueError(f"rho must be a range that rises from above 0, not {list(self.rho)}")
        if not self.usable:
            dearest = 1 + max(self.fractions)
            raise ValueError(
                f"budget {self.budget:g} is more than ascents on {max(self.fractions):g} of a "
                f"batch can cost, {dearest:g}: name a lower budget or a larger fraction"
            )
        return self

    @property
    def usable(self) -> tuple[float, ...]:
        """The fractions at which some probability costs the budget."""
        return tuple(f for f in self.fractions if self.mean(f) <= 1)

    def mean(self, fraction: float) -> float:
        """The mean probability at which ascents on this part of a batch cost the budget.

        1 + fraction * mean(p) = budget, as decimal numbers, so that 1.1 leaves 0.1.
        """
        return round((self.budget - 1) / fraction, 12)

    def run(self, method: Method, seed: int) -> Run:
        """The run of a method on one of the seeds."""
        return Run(task=self.task, method=method, seed=seed)

    def method(self, label: str, rho: float, schedule: Schedule, fraction: float) -> Method:
        """SS-SAM with that schedule, its ascents on this part of a batch."""
        part = {} if fraction == 1 else {"ascent_fraction": fraction}
        return Method(
            label=label,
            kind="sssam",
            rho=rho,
            schedule=schedule.to_dict(),
            options={**part, "draws": "systematic"},
        )

    def example(self) -> Run:
        """A run that costs the budget, at the largest rho: what is checked before any trial."""
        fraction = self.usable[0]
        schedule = constant(self.mean(fraction))
        return self.run(self.method("constant", self.rho[1], schedule, fraction), self.seeds[0])

    def total_steps(self) -> int:
        """Steps of one run; a task of a user's own is asked for the size of its data."""
        own = self.task.data.train
        size = problems.survey(self.task).size if own is None else own
        return self.example().total_steps(size)


def designs(budgets: Iterable[float], **shared: Any) -> list[Design]:
    """A search for each budget; raises ValueError for what `Design` refuses."""
    try:
        return [Design(budget=budget, **shared) for budget in dict.fromkeys(budgets)]
    except ValidationError as error:
        raise ValueError(complaint(error, Design.model_fields)) from error


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
