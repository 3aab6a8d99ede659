"""A study from a TOML file: tasks, the base's recipe, controls, variants, seeds and budgets.

docs/laboratory.md has an example, and a table of all keys.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from sssam.lab import engines, tasks
from sssam.lab.runs import checks
from sssam.lab.specs import BASE, Name, Task
from sssam.lab.specs.flatness import FlatnessSettings
from sssam.lab.specs.invalid import complaint, nearest, safe
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


def _flatness(given: object) -> object:
    """The settings of a truth value."""
    return {True: {}, False: None}[given] if isinstance(given, bool) else given


class File(Table):
    """The keys of a study; `recipe` None tunes every setting of the recipe that a task has."""

    name: Name | None = None
    tasks: list[
        Annotated[TaskTable, BeforeValidator(lambda g: {"name": g} if isinstance(g, str) else g)]
    ] = Field(min_length=1)
    recipe: Annotated[
        RecipeTable | None, BeforeValidator(lambda g: {"tune": None, "given": {}}.get(str(g), g))
    ] = None
    controls: bool | list[str] = True
    variants: list[AnyVariant] | None = Field(None, min_length=1)
    seeds: _Seeds
    tuning_seeds: _Seeds = len(TUNING_SEEDS)
    trials: int = Field(TRIALS, ge=1)
    epochs: int | None = Field(None, ge=1)
    engine: str | None = None
    flatness: Annotated[FlatnessSettings | None, BeforeValidator(_flatness)] = None

    @field_validator("engine")
    @classmethod
    def _exists(cls, given: str | None) -> str | None:
        if given is not None:
            engines.parse(given)
        return given

    def part(self, task: Task) -> Part:
        """The study of one task, of which the first trials are built once."""
        recipe, controls = self.recipe, self.controls
        axes = settings.recipe(task) if recipe is None else recipe.axes("base", task)
        names = controls if isinstance(controls, list) else None
        variants = [each.tunable(task) for each in self.variants or ()]
        part = Part(
            task=task,
            base=Tunable(method=BASE, axes=axes),
            controls=defaults.controls(task, names) if controls else (),
            variants=tuple(variants) or defaults.variants(task, tune=True),
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
            lead there, and names the nearest of what is unknown.
        FileNotFoundError: no such file, or the data of a task are missing.
        ConnectionError: the hub that has the data can't be reached.
    """
    with _naming(path):
        content = tomllib.loads(path.read_text("utf-8-sig"))  # it may begin with a byte order mark
        try:
            file = File.model_validate(content)
        except ValidationError as error:
            raise ValueError(complaint(error, given=content)) from error
        _require_known(data or {}, file.tasks)
        parts = list[Part]()
        for number, table in enumerate(file.tasks, start=1):
            with _naming(f"tasks {number}"):
                task = table.task(file.epochs, data or {}, path.parent)
                _require_folder(task, [part.task for part in parts], len(file.tasks) > 1)
            parts.append(file.part(task))
        return Study(
            name=file.name or path.stem,
            parts=tuple(parts),
            seeds=_listed(file.seeds, 0),
            tuning_seeds=_listed(file.tuning_seeds, TUNING_SEEDS[0]),
            trials=file.trials,
            engine=file.engine,
            flatness=file.flatness,
        )


@contextmanager
def _naming(where: object) -> Iterator[None]:
    """Begins the text of what is raised inside with the file, or the place in it."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}: {error}: save the file as text in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{where}: this is no TOML: {error}") from error
    except ValidationError as error:
        raise ValueError(f"{where}: {complaint(error)}") from error
    except (OSError, ModuleNotFoundError, ValueError, TypeError) as error:
        kind = ValueError if isinstance(error, ValueError | TypeError) else type(error)
        raise kind(f"{where}: {getattr(error, 'strerror', None) or error}") from error


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
