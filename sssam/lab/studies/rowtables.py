"""A row of a study file, as a table of settings -> a row with what is to be chosen."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sssam.lab.specs import Method, Run, Task
from sssam.lab.specs.names import nearest
from sssam.lab.studies import rows, scheduletext
from sssam.lab.studies.complaints import KeyedError
from sssam.lab.studies.design import Grid, Option
from sssam.lab.tasks import problems
from sssam.lab.training import methods
from sssam.lab.tuned import Tuned
from sssam.schedules import BudgetError, Schedule, from_dict

Numbers = float | list[float]
Values = tuple[Option, ...]


class RowTable(BaseModel):
    """The keys of a row; all others are options of its kind, single values or lists of them."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

    label: str | None = None
    kind: str | None = None
    control: Literal["compute-matched"] | None = None
    rho: Numbers | Literal["tune", "tuned"] | None = None
    schedule: str | dict[str, Any] | None = None
    budget: float | None = None
    learning_rate: Numbers | None = None
    length: float = Field(1, gt=0)
    weight_decay: float | None = Field(None, ge=0)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    dropout: float | None = Field(None, ge=0, lt=1)

    @property
    def further(self) -> dict[str, Any]:
        """The keys that are options of the kind."""
        return dict(self.model_extra or {})


def grid(
    table: RowTable,
    task: Task,
    budget: float | None,
    trials: int | None,
    values: Tuned | None = None,
) -> Grid:
    """The row that a table describes, for a task.

    Args:
        table: the row.
        task: its steps are what a budget is met over.
        budget: propagations a step of the study, for rows with a schedule and no budget of theirs.
        trials: how many combinations are drawn where there are more.
        values: what was tuned on the task, for rho = "tuned".

    Raises:
        KeyedError: a key that the kind does not have, with the nearest; an empty grid; a value that
            can't be.
    """
    kind = _kind(table)
    fixed, chosen = _options(table, kind)
    method = Method(
        label=label(table.model_dump()),
        kind=kind,
        schedule=_schedule(table, kind, task, budget),
        options=fixed,
        length=2 if table.control else table.length,
        weight_decay=table.weight_decay,
        label_smoothing=table.label_smoothing,
        dropout=table.dropout,
    )
    try:
        methods.check(method.model_copy(update={"options": {**fixed, **_firsts(chosen)}}))
    except ValueError as error:
        raise KeyedError("kind", str(error)) from error
    found = _with_rho(Grid(method=method, options=chosen, drawn=trials), table, values)
    rates = _numbers("learning_rate", table.learning_rate)
    return found.model_copy(update={"learning_rates": rates})


#: What a control brings itself.
_OF_CONTROL = ("kind", "rho", "schedule", "budget", "length")


def _kind(table: RowTable) -> str:
    if table.control is None:
        if table.kind is None:
            known = ", ".join(methods.KINDS)
            raise KeyedError("kind", f"a row needs its kind: {known}; or a control")
        if table.kind not in methods.KINDS:
            raise KeyedError("kind", nearest("kind of method", table.kind, methods.KINDS))
        return table.kind
    for key in _OF_CONTROL:
        if key in table.model_fields_set:
            raise KeyedError(
                key, f"a control is the base optimizer, given more passes: leave out {key!r}"
            )
    return "base"


def label(given: Mapping[str, Any]) -> str:
    """The label of a row as its table says it, "" where it does not say enough."""
    named, kind, schedule = (given.get(key) for key in ("label", "kind", "schedule"))
    if isinstance(named, str) and named:
        return named
    if given.get("control"):
        return "base 2x steps"
    if not isinstance(kind, str) or kind not in rows.NAMES:
        return ""
    return rows.NAMES[kind] + (f" {schedule}" if isinstance(schedule, str) else "")


def _options(table: RowTable, kind: str) -> tuple[dict[str, Option], dict[str, Values]]:
    """The options that stand fast, and those to choose among."""
    known = {**methods.options(kind), **dict.fromkeys(RowTable.model_fields)}
    fixed: dict[str, Option] = {}
    chosen: dict[str, Values] = {}
    for key, value in table.further.items():
        if key not in known:
            raise KeyedError(key, nearest("key", key, known))
        if isinstance(value, list):
            chosen[key] = tuple(_option(key, each) for each in _filled(key, value))
        else:
            fixed[key] = _option(key, value)
    return fixed, chosen


def _option(key: str, value: Any) -> Option:
    if isinstance(value, float) and not math.isfinite(value):
        raise KeyedError(key, f"must be finite, not {value}")
    if isinstance(value, bool | int | float | str):
        return value
    raise KeyedError(key, f"must be a number, a truth value, text, or a list of them, not {value}")


def _firsts(chosen: dict[str, Values]) -> dict[str, Option]:
    return {key: values[0] for key, values in chosen.items()}


def _filled(key: str, values: Sequence[Any]) -> Sequence[Any]:
    if not values:
        raise KeyedError(key, "an empty grid: give at least one value, or leave the key out")
    if len(set(values)) < len(values):
        raise KeyedError(key, f"a value stands twice in {list(values)}: name each once")
    return values


def _numbers(key: str, given: Numbers | str | None) -> tuple[float, ...]:
    if given is None or isinstance(given, str):
        return ()
    values = tuple(_filled(key, given)) if isinstance(given, list) else (given,)
    least = min(values)
    if least < 0 or (key == "learning_rate" and least == 0):
        raise KeyedError(key, f"must be {'above' if key != 'rho' else 'at least'} 0, not {least}")
    return values


def _with_rho(found: Grid, table: RowTable, values: Tuned | None) -> Grid:
    method, kind = found.method, found.method.kind
    default = methods.default_rho(kind)
    if table.rho is None:
        return found.model_copy(update={"method": method.model_copy(update={"rho": default})})
    if not default:
        raise KeyedError("rho", f"kind {kind!r} has no rho: leave it out")
    if table.rho == "tuned":
        rho = None if values is None else values.found(method.label)
        if rho is None:
            raise KeyedError(
                "rho", f'no tuned rho of {method.label!r} is known: give one, or rho = "tune"'
            )
        return found.model_copy(update={"method": method.model_copy(update={"rho": rho})})
    if table.rho == "tune":
        if found.drawn is not None:
            raise KeyedError("rho", 'no trials can be drawn from "tune", whose grid can grow')
        update: dict[str, Any] = {"unit": default, "factors": rows.FACTORS, "grows": True}
        return found.model_copy(update=update)
    radii = tuple(sorted(_numbers("rho", table.rho)))
    return found.model_copy(update={"factors": radii})


def _schedule(
    table: RowTable, kind: str, task: Task, budget: float | None
) -> dict[str, Any] | None:
    """The schedule as plain values, moved so that the row costs its budget on this task."""
    if table.schedule is None:
        if table.budget is not None:
            raise KeyedError("budget", "a budget is met by moving a schedule: give one beside it")
        return None
    try:
        schedule = _read(table.schedule)
    except (TypeError, ValueError) as error:
        raise KeyedError("schedule", str(error)) from error
    wanted = budget if table.budget is None else table.budget
    if wanted is None:
        return schedule.to_dict()
    return _met(schedule, wanted, table, task).to_dict()


def _read(given: str | dict[str, Any]) -> Schedule:
    if isinstance(given, str):
        return scheduletext.parse(given)
    family, families = given.get("family"), scheduletext.FAMILIES
    if family is None and "kind" not in given:
        raise ValueError(f"family is missing: give one of {', '.join(families)}")
    if family is not None and family not in families:
        raise ValueError(nearest("family of schedules", str(family), families))
    named = {("kind" if key == "family" else key): value for key, value in given.items()}
    return from_dict(named)


def _met(schedule: Schedule, budget: float, table: RowTable, task: Task) -> Schedule:
    """The schedule at which the row costs `budget`; an ascent on part of a batch costs a part."""
    fraction = table.further.get("ascent_fraction", 1.0)
    if isinstance(fraction, list):
        raise KeyedError("budget", "can't be met for several ascent_fraction at once: name one")
    if not isinstance(fraction, int | float) or not 0 < fraction <= 1:
        raise KeyedError("ascent_fraction", f"must be in (0, 1], not {fraction!r}")
    if not 1 <= budget <= 1 + fraction:
        most = "2 (SAM)" if fraction == 1 else f"{1 + fraction:g}, what a pass on that part costs"
        raise KeyedError("budget", f"must be from 1 (the base optimizer) to {most}, not {budget:g}")
    total = _steps(task, table.length)
    try:
        return schedule.with_budget(round(1 + (budget - 1) / fraction, 12), total)
    except BudgetError as error:
        low, high = (1 + (end - 1) * fraction for end in error.reachable)
        reach = f"{schedule!r} over {total} steps reaches {low:.6g} to {high:.6g}"
        raise KeyedError("budget", f"{budget:g} can't be met: {reach}") from error


def _steps(task: Task, length: float) -> int:
    """Optimizer steps of a row's whole training."""
    row = Method(label="any", kind="base", length=length)
    size = problems.survey(task).size if task.data.train is None else task.data.train
    return Run(task=task, method=row, seed=0).total_steps(size)
