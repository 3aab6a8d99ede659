"""A variant as a table of settings, by pydantic: one model for each kind -> what is tuned of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sssam.lab.specs import Average, Method, Name, Run, Task
from sssam.lab.specs.invalid import nearest
from sssam.lab.specs.record import Value
from sssam.lab.studies import budgets, scheduletext, settings
from sssam.lab.studies.design import RECIPE, Axis, Tunable
from sssam.lab.tasks import problems
from sssam.lab.training import methods
from sssam.schedules import BudgetError, Schedule

_Value = TypeVar("_Value")


class Table(BaseModel):
    """A table of a study file: an unknown key is an error that names the nearest one."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _knows(cls, given: Any) -> Any:
        for key in given if isinstance(given, dict) else ():
            if key not in cls.model_fields:
                text = nearest("key", key, cls.model_fields)
                raise PydanticCustomError("unknown_key", "{text}", {"text": text, "key": key})
        return given


def _kind_of(given: Any) -> str:
    if isinstance(given, list):
        return "list"
    return "word" if given == "tune" else "value"


#: A setting: a value, a list of values to choose among, or "tune".
Setting = Annotated[
    Annotated[_Value, Tag("value")]
    | Annotated[list[_Value], Field(min_length=1), Tag("list")]
    | Annotated[Literal["tune"], Tag("word")],
    Discriminator(_kind_of),
]
NotNegative = Setting[Annotated[float, Field(ge=0)]]
Radius = Setting[Annotated[float, Field(ge=0)] | Literal["auto"]]
Share = Setting[Annotated[float, Field(ge=0, lt=1)]]
Option = Setting[bool | int | float | str]
Text = Setting[str]


class RecipeTable(Table):
    """The settings of a recipe, each a value, a list or "tune"."""

    learning_rate: Setting[Annotated[float, Field(gt=0)]] | None = None
    weight_decay: NotNegative | None = None
    label_smoothing: Share | None = None
    dropout: Share | None = None

    def axes(self, kind: str, task: Task) -> dict[str, Axis]:
        """The axes of the settings that are given, on a task."""
        given = ((name, getattr(self, name)) for name in RECIPE)
        return {n: _axis(n, value, kind, task) for n, value in given if value is not None}


class VariantTable(RecipeTable):
    """The keys of variants of every kind."""

    kind: str
    label: Name | None = None
    length: float = Field(1, gt=0)
    average: Average = "none"
    average_start: float | None = None
    average_horizon: float | None = None
    patience: int | None = Field(None, ge=1)

    def named(self) -> str:
        """Its label, or else the name of its kind's class, with its schedule."""
        schedule = getattr(self, "schedule", None)
        known = schedule if isinstance(schedule, str) and schedule != "tune" else None
        return self.label or " ".join(filter(None, (NAMES[self.kind], known)))

    def tunable(self, task: Task) -> Tunable:
        """The variant on a task.

        Raises:
            ValueError: a budget that can't be met, "tune" for what the task does not have, options
                that do not go together.
        """
        fields = {n: getattr(self, n) for n in _PLAIN if getattr(self, n) is not None}
        schedules = self._schedules(task)
        method = Method(
            label=self.named(),
            kind=self.kind,
            rho=methods.default_rho(self.kind),
            schedule=schedules[0].to_dict() if schedules else None,
            **fields,
        )
        given = {n: getattr(self, n, None) for n in ("rho", *methods.options(self.kind))}
        own = {n: _axis(n, v, self.kind, task) for n, v in given.items() if v is not None}
        if len(schedules) > 1:
            texts = tuple(map(repr, schedules))
            own["schedule"] = Axis(values=texts, start=texts[0])
        return Tunable(method=method, axes={**own, **self.axes(self.kind, task)})

    def _schedules(self, task: Task) -> list[Schedule]:
        """What there is to choose among, at the budget; "tune": all families that can meet it."""
        given, budget = getattr(self, "schedule", None), getattr(self, "budget", None)
        if given is None:
            return []
        if given == "tune":
            if budget is None:
                raise ValueError('schedule "tune" chooses among families at a budget: give one')
            found = budgets.families(self._own(budget), self._steps(task))
            return [each.schedule for each in found if each.schedule is not None]
        texts = [given] if isinstance(given, str) else given
        parsed = [scheduletext.parse(text) for text in texts]
        return parsed if budget is None else [self._met(each, budget, task) for each in parsed]

    def _own(self, budget: float) -> float:
        """The budget of the schedule itself: ascents on part of a batch cost a part."""
        fraction = getattr(self, "ascent_fraction", None) or 1.0
        if not isinstance(fraction, float | int) or not 0 < fraction <= 1:
            raise ValueError(
                f"ascent_fraction must be one value in (0, 1] beside a budget, not {fraction!r}"
            )
        if not 1 <= budget <= 1 + fraction:
            raise ValueError(
                f"budget must be from 1 (the base optimizer) to {1 + fraction:g} (an ascent at "
                f"every step), not {budget:g}"
            )
        return round(1 + (budget - 1) / fraction, 12)

    def _steps(self, task: Task) -> int:
        run = Run(task=task, method=Method(label="any", kind="base", length=self.length), seed=0)
        return run.total_steps(task.data.train or problems.survey(task).size)

    def _met(self, schedule: Schedule, budget: float, task: Task) -> Schedule:
        """The schedule at which a step costs `budget`."""
        own, steps = self._own(budget), self._steps(task)
        try:
            return schedule.with_budget(own, steps)
        except BudgetError as error:
            part = 1.0 if own == 1 else (budget - 1) / (own - 1)
            low, high = (1 + (end - 1) * part for end in error.reachable)
            reach = f"{schedule!r} over {steps} steps reaches {low:.6g} to {high:.6g}"
            raise ValueError(f"budget {budget:g} can't be met: {reach}") from error


_PLAIN = ("length", "average", "average_start", "average_horizon", "patience")

#: How variants of a kind are called.
NAMES: Mapping[str, str] = {
    kind: "base" if made is None else made.__name__.replace("SSSAM", "SS-SAM")
    for kind, made in methods.KINDS.items()
}


def _axis(name: str, given: Any, kind: str, task: Task) -> Axis:
    if isinstance(given, str) and given == "tune":
        return settings.axis(name, kind, task)
    values: list[Value] = given if isinstance(given, list) else [given]
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    ordered = tuple(sorted(values, key=float) if numeric else values)
    return Axis(values=ordered, start=ordered[0])


def _model(kind: str) -> type[VariantTable]:
    """The table of one kind, whose keys are the options of its class."""
    given: dict[str, Any] = {"kind": (Literal[kind], ...)}
    given |= dict.fromkeys(methods.options(kind), (Option | None, None))
    if "rho" in methods.arguments(kind):
        given["rho"] = (Radius | None, None)
    if "schedule" in methods.arguments(kind):
        given["schedule"] = (Text, ...)
        given["budget"] = (Annotated[float, Field(ge=1, le=2)] | None, None)
    return create_model(kind, __base__=VariantTable, **given)


if TYPE_CHECKING:
    AnyVariant = VariantTable
else:  #: a variant's table by its kind
    AnyVariant = Annotated[Union[*map(_model, methods.KINDS)], Field(discriminator="kind")]

#: Reads one.
VARIANT: TypeAdapter[VariantTable] = TypeAdapter(AnyVariant)
