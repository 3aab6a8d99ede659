"""A study from a TOML file: tasks, the base's recipe, controls, variants, seeds and budgets.

docs/laboratory.md has an example, and a table of all keys.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sssam.lab import engines, tasks
from sssam.lab.runs import checks
from sssam.lab.specs import BASE, Name, Task
from sssam.lab.specs.flatness import FlatnessSettings
from sssam.lab.specs.invalid import complaint, key, nearest, safe
from sssam.lab.studies import defaults, settings, trials
from sssam.lab.studies.conduct import OWN
from sssam.lab.studies.design import TRIALS, TUNING_SEEDS, Part, Study, Tunable
from sssam.lab.studies.variants import AnyVariant, RecipeTable, Table

#: The most seeds that a number can stand for: more would be a slip of the finger.
MOST_SEEDS = 10_000

_Seeds = (
    Annotated[int, Field(ge=1, le=MOST_SEEDS)]
    | Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
)


class TaskTable(BaseModel):
    """The keys of a task; all others are its settings."""

    model_config = ConfigDict(extra="allow", strict=True)

    name: Annotated[str, Field(min_length=1)]
    label: Name | None = None
    data: str | None = None

    def task(self, epochs: int | None, data: Mapping[str, str], folder: Path) -> Task:
        """The task, its data found; paths are looked for in `folder` first."""
        path = data.get(self.label or self.name) or data.get(self.name) or self.data
        name = self.name if self.name in tasks.TASKS else _beside(self.name, folder)
        given = {"epochs": epochs, "name": self.label, **(self.model_extra or {})}
        changes = {key: value for key, value in given.items() if value is not None}
        return tasks.find(name, path and _beside(path, folder), changes)


class File(Table):
    """The keys of a study; `recipe` "tune" tunes every setting of the recipe that a task has."""

    name: Name | None = None
    tasks: list[
        Annotated[TaskTable, BeforeValidator(lambda g: {"name": g} if isinstance(g, str) else g)]
    ] = Field(min_length=1)
    recipe: RecipeTable | Literal["tune", "given"] = "tune"
    controls: bool | list[str] = True
    variants: list[AnyVariant] | None = Field(None, min_length=1)
    seeds: _Seeds = defaults.SEEDS
    tuning_seeds: _Seeds = len(TUNING_SEEDS)
    trials: int = Field(TRIALS, ge=1)
    epochs: int | None = Field(None, ge=1)
    engine: str | None = None
    flatness: bool | FlatnessSettings = False

    def part(self, task: Task, text: str) -> Part:
        """The study of one task, of which the first trials are built once; `text` is the file's."""
        variants = list[Tunable]()
        recipe = RecipeTable() if self.recipe == "given" else self.recipe
        with _naming("recipe", text):
            axes = settings.recipe(task) if isinstance(recipe, str) else recipe.axes("base", task)
        with _naming("controls", text):
            names = self.controls if isinstance(self.controls, list) else None
            controls = defaults.controls(task, names) if self.controls else ()
        for number, each in enumerate(self.variants or (), start=1):
            with _naming(f"variants {number}", text):
                variants.append(each.tunable(task))
        part = Part(
            task=task,
            base=Tunable(method=BASE, axes=axes),
            controls=controls,
            variants=tuple(variants) or defaults.variants(task, "tune"),
        )
        check(part, self.trials)
        return part


def check(part: Part, count: int) -> None:
    """Builds the base, the controls and the first trials, so that what can't be is refused now."""
    every = (part.base, *part.variants)
    first = [
        each.at(point)
        for each in every
        for point in trials.proposed(list(each.axes.values()), {}, count)
    ]
    checks.check(part.task, [*first, *part.controls])


def read(path: Path, data: Mapping[str, str] | None = None) -> Study:
    """The study that a file describes, with its data found and every variant built once.

    Paths in the file are looked for beside it first, then from the working directory. `data` are
    paths of data by the labels or names of tasks, in place of what the file says.

    Raises:
        ValueError: whatever is wrong in it. The text begins with the file's name and the keys that
            lead there, names the nearest of what is unknown, and ends with the line.
        FileNotFoundError: no such file, or the data of a task are missing.
        ConnectionError: the hub that has the data can't be reached.
    """
    with _naming(path):
        text = path.read_text("utf-8-sig")  # it may begin with a byte order mark
        content = tomllib.loads(text)
        try:
            file = File.model_validate(content)
        except ValidationError as error:
            said = complaint(error, File.model_fields, content)
            raise ValueError(said + _line(text, key(error, content))) from error
        with _naming("engine", text):
            if file.engine is not None:
                engines.parse(file.engine)
        _require_known(data or {}, file.tasks)
        parts = list[Part]()
        for number, table in enumerate(file.tasks, start=1):
            with _naming(f"tasks {number}", text):
                task = table.task(file.epochs, data or {}, path.parent)
                _require_folder(task, [part.task for part in parts], len(file.tasks) > 1)
                parts.append(file.part(task, text))
        return Study(
            name=file.name or path.stem,
            parts=tuple(parts),
            seeds=_listed(file.seeds, 0),
            tuning_seeds=_listed(file.tuning_seeds, TUNING_SEEDS[0]),
            trials=file.trials,
            engine=file.engine,
            flatness=FlatnessSettings() if file.flatness is True else file.flatness or None,
        )


@contextmanager
def _naming(where: object, text: str = "") -> Iterator[None]:
    """Begins what is raised inside with the file, or the place in its text, whose line it adds."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}: {error}: save the file as text in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{where}: this is no TOML: {error}") from error
    except ValidationError as error:
        raise ValueError(f"{where}: {complaint(error)}{_line(text, str(where))}") from error
    except (OSError, ModuleNotFoundError, ValueError, TypeError) as error:
        kind = ValueError if isinstance(error, ValueError | TypeError) else type(error)
        said = f"{where}: {getattr(error, 'strerror', None) or error}"
        raise kind(said if " (line " in said else said + _line(text, str(where))) from error


def _line(text: str, place: str) -> str:
    """The line of a place such as "variants 2, rho", in brackets; nothing where it is not found.

    >>> _line("seeds = 3\\n[[variants]]\\nkind = 'sam'\\nrho = -1\\n", "variants 1, rho")
    ' (line 4)'
    """
    lines, at = text.splitlines(), None
    for part in place.split(", "):
        name, _, number = part.partition(" ")
        opens = re.compile(rf"\s*\[+\s*(\w+\.)*{re.escape(name)}\s*\]|\s*{re.escape(name)}\s*=")
        places = [i for i, line in enumerate(lines) if i >= (at or 0) and opens.match(line)]
        if not places:
            break
        at = places[min(int(number or 1), len(places)) - 1]
    return "" if at is None else f" (line {at + 1})"


def _listed(given: int | list[int], first: int) -> tuple[int, ...]:
    return tuple(range(first, first + given)) if isinstance(given, int) else tuple(given)


def _require_known(data: Mapping[str, str], tables: Iterable[TaskTable]) -> None:
    names = [name for table in tables for name in (table.label, table.name) if name]
    for name in data:
        if name not in names:
            raise ValueError(f"--data {name}=...: {nearest('task of the study', name, names)}")


def _require_folder(task: Task, before: list[Task], several: bool) -> None:
    """Refuses a name whose results would lie in another task's folder, or in the study's own."""
    taken = {*(safe(each.name).casefold() for each in before), *(OWN if several else ())}
    if safe(task.name).casefold() in taken:
        raise ValueError(f"task {task.name!r}: its folder is taken, give the task another label")


def _beside(given: str, folder: Path) -> str:
    """A path beside the study file, if there is one of that name; the text as it is, if not.

    After the path there may be a colon, and a function or a column.
    """
    file, colon, rest = given.rpartition(":")
    for path, more in ((given, ""), (file, colon + rest)):
        near = folder / path
        if path and near.exists() and (near.is_dir() or near.suffix != ""):
            return f"{near}{more}"
    return given
