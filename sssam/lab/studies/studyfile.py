"""A study from a TOML file: tasks, rows with grids of hyperparameters, seeds, epochs, budget.

What a file can say is told by example in docs/laboratory.md.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sssam.lab import engines, tasks
from sssam.lab.flatness.specs import OF_STUDY, Plan, Radius
from sssam.lab.names import nearest
from sssam.lab.running import study
from sssam.lab.specs import Task
from sssam.lab.studies.design import TUNING_SEEDS, Part, Study, runs
from sssam.lab.studies.studyrows import KeyedError, RowTable, grid

#: What a key takes, in words.
_TAKES: Mapping[str, str] = MappingProxyType(
    {
        "tasks": 'a list of names, or of tables such as {name = "digits", epochs = 20}',
        "methods": "tables, each below a line [[methods]], at least one",
        "seeds": "a number of seeds, at least 1, or a list of seeds",
        "tuning_seeds": "a number of seeds, at least 1, or a list of seeds",
        "budget": "a number from 1 (the base optimizer) to 2 (SAM)",
        "rho": 'a number, a list of numbers to choose among, "tune" or "tuned"',
        "learning_rate": "a number above 0, or a list of such numbers to choose among",
        "schedule": 'text such as "late(0.5)", or a table such as {family = "late", f = 0.5}',
        "control": '"compute-matched"',
        "flatness": "true, or a table such as {samples = 512, rho = [0.1], eigenvalues = 1}",
    }
)


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

    name: str | None = None
    tasks: list[str | dict[str, Any]] = Field(min_length=1)
    methods: list[dict[str, Any]] = Field(min_length=1)
    seeds: int | list[int]
    tuning_seeds: int | list[int] = len(TUNING_SEEDS)
    epochs: int | None = Field(None, ge=1)
    budget: float | None = None
    trials: int | None = Field(None, ge=1)
    engine: str | None = None
    flatness: bool | _FlatnessTable = False


class _TaskTable(BaseModel):
    """The keys of a task; all others are its settings."""

    model_config = ConfigDict(extra="allow", strict=True)

    name: str
    label: str | None = None
    data: str | None = None


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
    if not path.is_file():
        raise FileNotFoundError(f"study file {str(path)!r} does not exist")
    text = _Text(path, path.read_text(encoding="utf-8"))
    try:
        content = tomllib.loads(text.content)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: this is no TOML: {error}") from error
    with text.place():
        file = _File.model_validate(content)
    seeds = _seeds(file.seeds, 0, "seeds", text)
    tuning = _seeds(file.tuning_seeds, TUNING_SEEDS[0], "tuning_seeds", text)
    parts = tuple(_part(task, file, text) for task in _tasks(file, data or {}, text))
    with text.place():
        _require_engine(file.engine)
        found = Study(
            name=file.name or path.stem,
            parts=parts,
            seeds=seeds,
            tuning_seeds=tuning,
            engine=file.engine,
            flatness=_flatness(file.flatness),
        )
        study.check(run for part in parts for run in _samples(part))
    return found


def _flatness(given: bool | _FlatnessTable) -> Plan | None:
    if isinstance(given, bool):
        return OF_STUDY if given else None
    return given.plan()


def _samples(part: Part) -> list[Any]:
    """A run of every trial of every row."""
    return [run for row in part.rows for run in runs(part.task, row.trials(), [0])]


def _require_engine(engine: str | None) -> None:
    if engine is not None:
        try:
            engines.parse(engine)
        except ValueError as error:
            raise KeyedError("engine", str(error)) from error


def _seeds(given: int | list[int], first: int, key: str, text: "_Text") -> tuple[int, ...]:
    seeds = tuple(range(first, first + given)) if isinstance(given, int) else tuple(given)
    with text.place():
        if not seeds or min(seeds) < 0:
            raise KeyedError(key, f"must be {_TAKES[key]}, none below 0, not {given}")
    return seeds


def _tasks(file: _File, data: Mapping[str, str], text: "_Text") -> list[Task]:
    found: list[Task] = []
    for number, given in enumerate(file.tasks):
        with text.place("tasks", number):
            table = _TaskTable.model_validate({"name": given} if isinstance(given, str) else given)
            path = data.get(table.label or table.name) or table.data
            table = table.model_copy(update={"data": path})
            found.append(_task(table, file.epochs, text.path.parent))
    names = [task.name for task in found]
    for name in data:
        if name not in names:
            raise ValueError(f"--data {name}=...: {nearest('task of the study', name, names)}")
    for number, name in enumerate(names):
        with text.place("tasks", number):
            if name in names[:number]:
                raise KeyedError("name", f"task {name!r} is there twice: give one a label")
    return found


def _task(table: _TaskTable, epochs: int | None, folder: Path) -> Task:
    settings = dict(table.model_extra or {})
    path = table.data and _beside(table.data, folder)
    name = table.name if table.name in tasks.TASKS else _beside(table.name, folder)
    found = tasks.find(name, path)
    known = tasks.settings(found)
    for key in settings:
        if key not in known:
            raise KeyedError(key, nearest("key", key, {*known, *_TaskTable.model_fields}))
    if epochs is not None:
        settings.setdefault("epochs", epochs)
    return tasks.changed(found, {**settings, "name": table.label or found.name})


def _beside(given: str, folder: Path) -> str:
    """A path beside the study file, if there is one of that name; the text as it is, if not.

    After the path there may be a colon, and a function or a column.
    """
    for file, rest in ((given, ""), _parted(given)):
        near = folder / file
        if file and near.exists() and (near.is_dir() or near.suffix != ""):
            return f"{near}{rest}"
    return given


def _parted(given: str) -> tuple[str, str]:
    file, colon, rest = given.rpartition(":")
    return file, colon + rest


def _part(task: Task, file: _File, text: "_Text") -> Part:
    rows = []
    for number, given in enumerate(file.methods):
        with text.place("methods", number):
            table = RowTable.model_validate(given)
            rows.append(grid(table, task, file.budget, file.trials))
    with text.place():
        return Part(task=task, rows=tuple(rows))


class _Text:
    """The file's text, to say where in it something is wrong."""

    def __init__(self, path: Path, content: str) -> None:
        self.path, self.content = path, content

    @contextmanager
    def place(self, table: str = "", number: int = 0) -> Iterator[None]:
        """Turns what is raised inside into a text with the file, the line and the key."""
        try:
            yield
        except ValidationError as error:
            first = error.errors()[0]
            key = next((str(part) for part in first["loc"] if isinstance(part, str)), "")
            known = _File.model_fields if not table else ()
            raise ValueError(self._told(table, number, key, _reason(first, key, known))) from error
        except KeyedError as error:
            raise ValueError(self._told(table, number, error.key, str(error))) from error
        except (FileNotFoundError, ConnectionError) as error:
            raise type(error)(self._told(table, number, "", str(error))) from error
        except (ValueError, TypeError) as error:
            raise ValueError(self._told(table, number, "", str(error))) from error

    def _told(self, table: str, number: int, key: str, reason: str) -> str:
        line = self._line(table, number, key)
        where = f"{self.path}, line {line}" if line else str(self.path)
        which = f"{table[:-1]} {number + 1}" if table else ""
        named = "" if reason.startswith("unknown") else key
        return ": ".join(filter(None, (where, ", ".join(filter(None, (which, named))), reason)))

    def _line(self, table: str, number: int, key: str) -> int | None:
        """The line of a key, if it can be told for certain, else that of its table."""
        lines = self.content.splitlines()
        heads = [i for i, line in enumerate(lines) if re.match(r"\s*\[", line)]
        mine = [i for i in heads if re.match(rf"\s*\[\[\s*{table}\s*\]\]", lines[i])]
        start = mine[number] if table and number < len(mine) else 0
        if table and not start:
            return self._only(range(len(lines)), lines, key or table)
        end = next((i for i in heads if i > start), len(lines))
        return self._only(range(start, end), lines, key) or (start + 1 if start else None)

    @staticmethod
    def _only(places: Sequence[int] | range, lines: Sequence[str], key: str) -> int | None:
        pattern = re.compile(rf"(^|[\s;{{,]){re.escape(key)}\s*=")
        found = [i for i in places if key and pattern.search(lines[i])]
        return found[0] + 1 if len(found) == 1 else None


def _reason(error: Mapping[str, Any], key: str, known: Any) -> str:
    given = error.get("input")
    if error["type"] == "missing":
        takes = _TAKES.get(key)
        return "is missing" + (f": give {takes}" if takes else "")
    if error["type"] == "extra_forbidden":
        return nearest("key", key, known)
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if key in _TAKES:
        return f"must be {_TAKES[key]}, not {given!r}"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, not {given!r}"
