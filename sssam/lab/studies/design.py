"""What a study is, as a value: tasks, the base's recipe, variants with what is tuned, and seeds.

A `Study` is whole in itself: its text, `study.json` in the study's directory, is all that a later
command needs to go on, to compare and to report.
"""

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from sssam.lab.specs import BASE, Method, Name, Run, Spec, Task
from sssam.lab.specs.flatness import FlatnessSettings
from sssam.lab.specs.record import Value
from sssam.lab.studies import scheduletext

#: Seeds on which settings are tuned; a comparison counts its own from 0.
TUNING_SEEDS = tuple(range(1000, 1005))

#: Trials of the base's recipe, and of each variant that is tuned, unless a study says otherwise.
TRIALS = 12

#: The settings that make a recipe: variants take them from the base, unless they set them.
RECIPE = ("learning_rate", "weight_decay", "label_smoothing", "dropout")

#: The settings of a method that are no options of its kind, beside its schedule.
FIELDS = ("rho", *RECIPE)


class Axis(Spec):
    """The values of one setting that are tried first, rising; `start` is where the tuning begins.

    Where it `grows`, values between those and beyond them are tried too, within [least, most].
    """

    values: Annotated[tuple[Value, ...], Field(min_length=1)]
    start: Value
    grows: bool = False
    least: float = 0.0
    most: float | None = None

    @model_validator(mode="after")
    def _differ(self) -> "Axis":
        if len(set(self.values)) < len(self.values):
            raise ValueError(f"a value stands twice in {list(self.values)}: give each once")
        return self

    @property
    def numeric(self) -> bool:
        """Whether the values have an order, and ends."""
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)

    @property
    def tuned(self) -> bool:
        """Whether there is more than one value to try."""
        return self.grows or len(self.values) > 1

    def starting_at(self, value: Value) -> "Axis":
        """An axis with another start, which is one of the first values."""
        values = self.ordered(list({*self.values, value}))
        return self.model_copy(update={"values": values, "start": value})

    def ordered(self, tried: Sequence[Value]) -> tuple[Value, ...]:
        """What was tried, in rising order where it has one."""
        return tuple(sorted(tried, key=float)) if self.numeric else tuple(tried)

    def ends_at(self, value: Value, ordered: Sequence[Value]) -> bool:
        """Whether a value is the smallest or largest of several, and no bound of the range."""
        outermost = value in (ordered[0], ordered[-1]) and len(ordered) > 1
        return self.numeric and outermost and value not in (self.least, self.most)


class Tunable(Spec):
    """A variant, and by name the settings that are tuned, or that stand fast at a single value."""

    method: Method
    axes: dict[str, Axis] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        return self.method.label

    def count(self, trials: int) -> int:
        """How many of `trials` there are to make: fewer where lists have fewer combinations."""
        if any(axis.grows for axis in self.axes.values()):
            return trials
        return min(trials, math.prod(len(axis.values) for axis in self.axes.values()))

    @property
    def tuned(self) -> bool:
        """Whether there is something to choose."""
        return self.count(2) > 1

    @property
    def start(self) -> Method:
        """The variant where its tuning begins, which is what it is where nothing is tuned."""
        return self.at([axis.start for axis in self.axes.values()])

    def at(self, values: Sequence[Value]) -> Method:
        """The variant at these values of its axes, in their order."""
        named = dict(zip(self.axes, values, strict=True))
        update: dict[str, object] = {name: named[name] for name in FIELDS if name in named}
        if "schedule" in named:
            update["schedule"] = scheduletext.parse(str(named["schedule"])).to_dict()
        options = {n: value for n, value in named.items() if n not in (*FIELDS, "schedule")}
        update["options"] = {**self.method.options, **options}
        return self.method.model_copy(update=update)

    def following(self, base: Method) -> "Tunable":
        """The variant at the recipe of the base, but for the settings that are its own.

        Settings of the recipe that are tuned again start from the base's value.
        """
        recipe = {name: getattr(base, name) for name in RECIPE}
        axes = {
            name: axis.starting_at(recipe[name])
            if axis.grows and recipe.get(name) is not None
            else axis
            for name, axis in self.axes.items()
        }
        method = self.method.model_copy(update=recipe)
        return self.model_copy(update={"method": method, "axes": axes})


class Part(Spec):
    """One task of a study: the base with its recipe's settings, the controls, and the variants.

    Controls are the base at the recipe that was chosen for it, trained in other ways; `note` says
    what else a reader should know of where the variants come from.
    """

    task: Task
    base: Tunable = Tunable(method=BASE)
    controls: tuple[Method, ...] = ()
    variants: tuple[Tunable, ...] = ()
    note: str = ""

    @model_validator(mode="after")
    def _labels_differ(self) -> "Part":
        every: list[Tunable | Method] = [self.base, *self.controls, *self.variants]
        labels = [each.label for each in every]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"label {twice[0]!r} is there twice: give one of the two another")
        return self

    @property
    def tuned(self) -> list[Tunable]:
        """The base and the variants of which something is to be chosen."""
        return [each for each in (self.base, *self.variants) if each.tuned]


class Study(Spec):
    """Tasks and variants to compare over `seeds`, where settings are tuned on `tuning_seeds`.

    `trials` are those of the base's recipe and of each variant that is tuned. `first_seeds` are the
    seeds that the study was begun with: seeds that were added later are reported. `engine` is where
    runs are trained unless a command says otherwise, as `sssam.lab.engines.parse` reads it; None:
    processes on this machine. `flatness` is what is measured of each model that the comparison's
    runs end at; None: nothing.
    """

    name: Name
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    first_seeds: tuple[int, ...] = Field(default_factory=lambda values: values.get("seeds", ()))
    tuning_seeds: Annotated[tuple[int, ...], Field(min_length=1)] = TUNING_SEEDS
    trials: Annotated[int, Field(ge=1)] = TRIALS
    engine: str | None = None
    flatness: FlatnessSettings | None = None

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
            _require_fair_trials(part, self.trials)
        return self

    @property
    def seeds_added(self) -> tuple[int, ...]:
        return tuple(seed for seed in self.seeds if seed not in self.first_seeds)

    def text(self) -> str:
        """The study as JSON; equal studies give equal text."""
        return self.model_dump_json(indent=1) + "\n"


def runs(task: Task, methods: Sequence[Method], seeds: Sequence[int]) -> list[Run]:
    """Each method with each seed, all methods of a seed together."""
    return [Run(task=task, method=method, seed=seed) for seed in seeds for method in methods]


def _require_fair_trials(part: Part, trials: int) -> None:
    """Variants have equally many trials, and a base that is tuned has at least as many."""
    counts = {each.label: each.count(trials) for each in part.variants if each.tuned}
    of_base = {part.base.label: part.base.count(trials)} if part.base.tuned else {}
    short = any(count < max(counts.values(), default=0) for count in of_base.values())
    if len(set(counts.values())) > 1 or short:
        listed = ", ".join(f"{label} {count}" for label, count in {**of_base, **counts}.items())
        raise ValueError(
            "variants must have equally many trials, and the base no fewer, but they have "
            f'{listed}: give each equally many values, or "tune", or set trials'
        )
