"""A study from a TOML file: tasks, rows with grids of hyperparameters, seeds, epochs, budget.

What a file can say is told by example in docs/laboratory.md.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from sssam.lab import engines, tuned
from sssam.lab.runs import checks
from sssam.lab.specs import Name, Run, Task
from sssam.lab.specs.flatness import OF_STUDY, Plan, Radius
from sssam.lab.studies import tasktables
from sssam.lab.studies.complaints import TAKES, KeyedError, Place, Text
from sssam.lab.studies.design import TUNING_SEEDS, Grid, Part, Study, runs
from sssam.lab.studies.rowtables import RowTable, grid, label
from sssam.lab.tuned import Tuned

#: The most seeds that a number can stand for: more would be a slip of the finger.
MOST_SEEDS = 10_000


class _FlatnessTable(BaseModel):
    """What is measured of each trained model, in place of `OF_STUDY`."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    samples: Annotated[int, Field(ge=1)] = OF_STUDY.samples
    rho: Radius | Annotated[list[Radius], Field(min_length=1)] = list(OF_STUDY.radii)
    eigenvalues: Annotated[int, Field(ge=1)] = OF_STUDY.eigenvalues

    def plan(self) -> Plan:
        """The whole plan."""
        rho = self.rho if isinstance(self.rho, list) else [self.rho]
        given = {"samples": self.samples, "radii": tuple(rho), "eigenvalues": self.eigenvalues}
        return OF_STUDY.model_copy(update=given)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    name: Name | None = None
    tasks: list[str | dict[str, Any]] = Field(min_length=1)
    methods: list[dict[str, Any]] = Field(min_length=1)
    seeds: int | list[int]
    tuning_seeds: int | list[int] = len(TUNING_SEEDS)
    epochs: int | None = Field(None, ge=1)
    budget: float | None = Field(None, ge=1, le=2)
    trials: int | None = Field(None, ge=1)
    engine: str | None = None
    flatness: bool | dict[str, Any] = False
    tuned: str | list[str] = Field(default_factory=list)


def read(path: Path, data: Mapping[str, str] | None = None) -> Study:
    """The study that a file describes, with its data found and every row built once.

    Paths in the file are looked for beside it first, then from the working directory. `data` are
    paths of data by the names of tasks, in place of what the file says.

    Raises:
        ValueError: no TOML, with the line; an unknown key, with the nearest and its line; a value
            of a wrong type or out of its range; an empty grid; no seeds; a label twice; an unknown
            task, kind, option or engine; unequal trials. The text begins with the file's name.
        FileNotFoundError: no such file, or the data of a task are missing.
        ConnectionError: the hub that has the data can't be reached.
    """
    text = Text(path, content := _content(path))
    with text.at(Place()):
        parsed = _parsed(content)
    _require_above(parsed, text)
    with text.at(Place(), _File.model_fields):
        file = _File.model_validate(parsed)
        seeds = _seeds(file.seeds, 0, "seeds")
        tuning = _seeds(file.tuning_seeds, TUNING_SEEDS[0], "tuning_seeds")
        _require_engine(file.engine)
        _require_schedule(file)
    plan = _flatness(file.flatness, text)
    found = tasktables.read(file.tasks, file.epochs, data or {}, text)
    with text.at(Place()):
        values = _tuned(file.tuned, path.parent)
    parts = tuple(_part(task, i, file, text, values) for i, task in enumerate(found))
    with text.at(Place()):
        return Study(
            name=file.name or path.stem,
            parts=parts,
            seeds=seeds,
            tuning_seeds=tuning,
            engine=file.engine,
            flatness=plan,
        )


def _content(path: Path) -> str:
    """The text of a file, whose first sign may be a byte order mark."""
    if path.is_dir():
        raise IsADirectoryError(
            f"study file {str(path)!r} is a directory, which holds no study either: name a file"
        )
    if not path.is_file():
        raise FileNotFoundError(f"study file {str(path)!r} does not exist")
    held = path.read_bytes()
    try:
        return held.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = held.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {line}: the byte {held[error.start]:#04x} is no UTF-8: save the file as "
            "text in UTF-8"
        ) from error


def _parsed(content: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"this is no TOML: {error}") from error


#: The keys of a study that no row could be thought to have, as it could a name.
_ABOVE = frozenset(_File.model_fields) - frozenset(RowTable.model_fields) - {"name"}


def _require_above(parsed: Mapping[str, Any], text: Text) -> None:
    """Refuses a key of the study below [[methods]], where it is one of that row to TOML."""
    rows = parsed.get("methods")
    for i, row in enumerate(rows if isinstance(rows, list) else ()):
        for key in row if isinstance(row, dict) else ():
            if key in _ABOVE:
                with text.at(Place("methods", i, label(row))):
                    raise KeyedError(key, "is a key of the study: write it above all tables")


def _require_schedule(file: _File) -> None:
    if file.budget is not None and not any("schedule" in row for row in file.methods):
        raise KeyedError("budget", "is met by moving schedules, and no row has one: leave it out")


def _flatness(given: bool | dict[str, Any], text: Text) -> Plan | None:
    if isinstance(given, bool):
        return OF_STUDY if given else None
    fields = _FlatnessTable.model_fields
    with text.at(Place("flatness"), fields):
        return _FlatnessTable.model_validate(given).plan()


def _require_engine(engine: str | None) -> None:
    if engine is not None:
        try:
            engines.parse(engine)
        except ValueError as error:
            raise KeyedError("engine", str(error)) from error


def _seeds(given: int | list[int], first: int, key: str) -> tuple[int, ...]:
    if isinstance(given, int) and given > MOST_SEEDS:
        raise KeyedError(key, f"must be at most {MOST_SEEDS}, not {given}: list more, one by one")
    seeds = tuple(range(first, first + given)) if isinstance(given, int) else tuple(given)
    if not seeds or min(seeds) < 0:
        raise KeyedError(key, f"must be {TAKES[key]}, none below 0, not {given}")
    return seeds


def _tuned(given: str | list[str], folder: Path) -> list[Tuned]:
    """What `sssam tune` left at these paths, which are looked for beside the file first."""
    found = []
    for each in [given] if isinstance(given, str) else given:
        place = folder / each if (folder / each).exists() else Path(each)
        try:
            found.append(tuned.load(place / tuned.FILE if place.is_dir() else place))
        except (OSError, ValueError) as error:
            raise KeyedError("tuned", f"{each!r} can't be read: {error}") from error
    return found


def _part(task: Task, number: int, file: _File, text: Text, tunings: Sequence[Tuned]) -> Part:
    """A task with its rows, of which every trial is built once."""
    values = next((each for each in tunings if each.is_for(task)), tuned.read(task))
    rows, places, untuned = list[Grid](), dict[str, Place](), list[str]()
    for i, given in enumerate(file.methods):
        place = Place("methods", i, label(given))
        with text.at(place, RowTable.model_fields):
            table = RowTable.model_validate(given)
            row = grid(table, task, file.budget, file.trials, values)
            if row.label in places:
                raise KeyedError("label", f"{row.label!r} is there twice: give one another")
        rows.append(row)
        places[row.label] = place
        if row.method.rho and len(row.factors) < 2 and table.rho != "tuned":
            untuned.append(row.label)
    part = Part(task=task, rows=tuple(rows), untuned=tuple(untuned))
    with text.at(Place("tasks", number, task.name), rows=places):
        checks.check_runs(_samples(part))
    return part


def _samples(part: Part) -> list[Run]:
    """A run of every trial of every row."""
    return [run for row in part.rows for run in runs(part.task, row.trials(), [0])]
