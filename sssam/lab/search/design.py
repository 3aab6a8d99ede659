"""What one search is: everything that determines its trials, but their number."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from sssam.lab.specs import Method, Run, Spec, Task, Whole
from sssam.lab.specs.invalid import complaint
from sssam.lab.tasks import problems
from sssam.schedules import Schedule, constant

#: Seeds of a search; tuning uses 1000 on, and a comparison counts its own from 0.
FIRST_SEED = 2000


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
