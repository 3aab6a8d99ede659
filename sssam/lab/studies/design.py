"""What a study is, as a value: its tasks, for each the rows with what is still to be chosen, seeds.

A `Study` is whole in itself: its text, `study.json` in the study's directory, is all that a later
command needs to go on, to compare and to report.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field, model_validator

from sssam.lab.specs import Method, Run, Spec, Task
from sssam.lab.specs.flatness import Plan

Rho = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]
Option = bool | int | float | str

#: Seeds on which hyperparameters are chosen; a comparison counts its own from 0.
TUNING_SEEDS = tuple(range(1000, 1010))


class Grid(Spec):
    """One row of a comparison, and the values among which some of its hyperparameters are chosen.

    `method` is the row, with the values that stand fast. rho is tried at `unit` times each of
    `factors`, rising; where `grows`, more factors follow at an end at which the best lies.
    `learning_rates` and `options` hold what is tried of these. Each combination is one trial; if
    `drawn` is given, that many of them are, drawn at random with `draw_seed`.
    """

    method: Method
    unit: Rho = 1.0
    factors: tuple[Rho, ...] = ()
    grows: bool = False
    learning_rates: tuple[Rate, ...] = ()
    options: dict[str, tuple[Option, ...]] = Field(default_factory=dict)
    drawn: Annotated[int, Field(ge=1)] | None = None
    draw_seed: int = 0

    @property
    def label(self) -> str:
        """The row's label."""
        return self.method.label

    @property
    def tuned(self) -> bool:
        """Whether there is something to choose."""
        return len(self.trials()) > 1

    def trials(self) -> tuple[Method, ...]:
        """The row at each combination of values: rho rises slowest."""
        every = list(self._combinations())
        if self.drawn is None or self.drawn >= len(every):
            return tuple(every)
        chosen = random.Random(self.draw_seed).sample(range(len(every)), self.drawn)
        return tuple(every[i] for i in sorted(chosen))

    def _combinations(self) -> Iterator[Method]:
        radii = [self.radius(factor) for factor in self.factors] or [self.method.rho]
        rates = self.learning_rates or (self.method.learning_rate,)
        for rho, rate, *values in itertools.product(radii, rates, *self.options.values()):
            options = {**self.method.options, **dict(zip(self.options, values, strict=True))}
            update = {"rho": rho, "learning_rate": rate, "options": options}
            yield self.method.model_copy(update=update)

    def radius(self, factor: float) -> float:
        """The rho of a factor, to six digits, so that its text reads well."""
        return float(f"{self.unit * factor:.6g}")


class Part(Spec):
    """One task of a study, with the rows to be compared on it; `note` tells of rows' fixed rho.

    `untuned` names those whose rho was tuned on this task neither by the study nor before it.
    """

    task: Task
    rows: Annotated[tuple[Grid, ...], Field(min_length=1)]
    note: str = ""
    untuned: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _labels_differ(self) -> "Part":
        labels = [row.label for row in self.rows]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"two rows have the label {twice[0]!r}: give one another label")
        return self

    @property
    def tuned(self) -> list[Grid]:
        """The rows of which something is to be chosen."""
        return [row for row in self.rows if row.tuned]


class Study(Spec):
    """Tasks and rows to compare over `seeds`, where hyperparameters are chosen on `tuning_seeds`.

    `engine` is where runs are trained unless a command says otherwise, as
    `sssam.lab.engines.parse` reads it; None: processes on this machine. `flatness` is what is
    measured of each model that the comparison's runs end at; None: nothing.
    """

    name: str
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    tuning_seeds: Annotated[tuple[int, ...], Field(min_length=1)] = TUNING_SEEDS
    engine: str | None = None
    flatness: Plan | None = None

    @model_validator(mode="after")
    def _is_fair(self) -> "Study":
        for name, seeds in (("seeds", self.seeds), ("tuning_seeds", self.tuning_seeds)):
            if len(set(seeds)) < len(seeds):
                raise ValueError(f"{name} hold a seed twice: name each once")
        shared = sorted(set(self.seeds) & set(self.tuning_seeds))
        if shared and any(part.tuned for part in self.parts):
            raise ValueError(
                f"seed {shared[0]} is among seeds and among tuning_seeds: what is chosen on a seed "
                "must be judged on others"
            )
        for part in self.parts:
            _require_equal_trials(part.tuned)
        return self

    def text(self) -> str:
        """The study as JSON; equal studies give equal text."""
        return self.model_dump_json(indent=1) + "\n"


def runs(task: Task, methods: Sequence[Method], seeds: Sequence[int]) -> list[Run]:
    """Each method with each seed, all methods of a seed together."""
    return [Run(task=task, method=method, seed=seed) for seed in seeds for method in methods]


def _require_equal_trials(rows: Sequence[Grid]) -> None:
    counts = {row.label: len(row.trials()) for row in rows}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{label} {count}" for label, count in counts.items())
        raise ValueError(
            f"rows must have equally many trials, but have {told}: give each the same number of "
            "values, or set trials = N to draw N of each"
        )
    if len({row.grows for row in rows}) > 1:
        fixed = next(row.label for row in rows if not row.grows)
        raise ValueError(
            f'some rows have rho = "tune", whose grid can grow, and {fixed!r} has a grid that '
            "can't: the trials would not be equal; use one of the two for all rows"
        )
