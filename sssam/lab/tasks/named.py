"""Tasks by name, from a path, from the hub or a file of one's own; and their settings, changed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from sssam.lab.specs import DataSpec, ModelSpec, Task
from sssam.lab.specs.invalid import complaint, nearest
from sssam.lab.tasks import models, problems, taskfile
from sssam.lab.tasks import splits as data
from sssam.lab.tasks.catalogue import RECIPES, TASKS
from sssam.lab.tasks.examples import ProblemError
from sssam.lab.tasks.splits import HUB

_OF_DATA = frozenset({"train", "validation", "test", "label_noise", "target"})
_TABLES = (".csv", ".tsv", ".parquet")


def find(name: str, data_path: str | None = None, changes: Mapping[str, Any] | None = None) -> Task:
    """The task that a word names, its data found and identified.

    Args:
        name: one of `TASKS`; a Python file, with `:function` perhaps, which is imported, and the
            function called with seed 0; a table, with `:column` perhaps, or a folder; or
            `hub:organisation/name`, and perhaps `/configuration` and `:column`.
        data_path: where the data lie, for a task of `TASKS` that takes a path.
        changes: as for `changed`.

    Raises:
        ValueError: no such task (with the nearest names), data that take no path, or a file that
            breaks the interface, or raises.
        FileNotFoundError: the path does not exist.
    """
    changes = changes or {}
    if name in TASKS:
        source = TASKS[name].data.model_copy(update={"path": data_path})
        task = TASKS[name].model_copy(update={"data": source})
    elif data_path is not None:
        raise ValueError(f"task {name!r} takes no path of data, got {data_path!r}: leave it out")
    elif name.endswith(".py") or ".py:" in name:
        return changed(_of_file(name), changes)
    else:
        # Without its target some tables can't be read, so it is not left to `changed`.
        target = changes.get("target")
        task = _of_data(_data(name, target if isinstance(target, str) else None))
    task = changed(task, changes)
    return task.model_copy(update={"data": data.identified(task.data)})


def _data(name: str, target: str | None) -> DataSpec:
    """The data on the hub or at a path, perhaps with the target's column after a colon."""
    if name.startswith(HUB):
        whole, _, column = name.removeprefix(HUB).partition(":")
        return DataSpec(name=HUB + whole, target=target or column or None)
    path = Path(name)
    if not path.exists() and ":" in name:
        before, _, column = name.rpartition(":")
        path, target = Path(before), target or column
    if not path.exists():
        looks_like_a_path = "/" in name or Path(name).suffix in _TABLES
        hint = "; there is no such file or folder either" * looks_like_a_path
        raise ValueError(nearest("task", name, TASKS) + hint)
    if not path.is_dir() and path.suffix not in _TABLES:
        raise ValueError(
            f"task {name!r} is neither a folder nor one of *{', *'.join(_TABLES)}: anything else "
            "is read by a task file of your own, as examples/tasks/text.py reads a text"
        )
    kind = "folder" if path.is_dir() else "table"
    return DataSpec(name=kind, path=str(path.resolve()), target=target)


def _of_data(spec: DataSpec) -> Task:
    """The recipe for the kind of data."""
    kind = data.load(spec, 0, at_most=1).form.kind
    name = spec.name.removeprefix(HUB).replace("/", "-") if spec.path is None else spec.path
    return Task(name=_free(Path(name).stem), data=spec, **RECIPES[kind])


def _of_file(name: str) -> Task:
    """The task of a user's function, with the settings of its file."""
    code = taskfile.code(name)
    own = "" if code.function == taskfile.DEFAULT_FUNCTION else f"-{code.function}"
    task = Task(
        name=_free(Path(code.path).stem + own),
        data=DataSpec(name="code"),
        model=ModelSpec(name="code"),
        code=code,
    )
    given = taskfile.settings(code)
    try:
        task = changed(task, given)
    except ValueError as error:
        raise ProblemError(f"SETTINGS in {code.path}: {error}") from error
    surveyed = problems.survey(task)
    if surveyed.problem.optimizer is not None and "optimizer" in given:
        raise ProblemError(
            f"{code.path}: SETTINGS name an optimizer, and the Problem gives one: leave one out"
        )
    update: dict[str, Any] = {"metric": surveyed.problem.metric_name}
    update["data"] = task.data.model_copy(update={"fingerprint": surveyed.fingerprint})
    if surveyed.problem.optimizer is not None:
        update["optimizer"] = "own"
    return task.model_copy(update=update)


def _free(name: str) -> str:
    """A name that is none of `TASKS`, among whose results its own would lie."""
    return f"{name}-file" if name in TASKS else name


def changed(task: Task, changes: Mapping[str, Any]) -> Task:
    """A task with other settings, by the names of their fields.

    Those are the fields of `Task`; of its `data`: `train`, `validation`, `test`, `label_noise` and
    `target`; and `model`, a name or a dict of `ModelSpec`'s fields.

    Raises:
        ValueError: no such setting (with the nearest names), a value of a wrong type or range, or
            an unknown model.
    """
    for key in changes:
        if key not in settings(task):
            raise ValueError(f"task {task.name!r}: {nearest('setting', key, settings(task))}")
    of_data = {key: value for key, value in changes.items() if key in _OF_DATA}
    of_task = {key: value for key, value in changes.items() if key not in of_data}
    values = {**dict(task), **of_task, "data": {**dict(task.data), **of_data}}
    if isinstance(values["model"], str):
        values["model"] = {"name": values["model"]}
    # Strictly, since true is no number; through JSON, where a list is a tuple.
    text = to_json(values, inf_nan_mode="constants", fallback=repr)
    try:
        made = Task.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise ValueError(complaint(error, Task.model_fields).removeprefix("data.")) from error
    check(made)
    if made.data.fingerprint is None or "target" not in of_data:
        return made
    return made.model_copy(update={"data": data.identified(made.data)})


def settings(task: Task) -> frozenset[str]:
    """The names of what `changed` can change in a task; a user's function makes model and data."""
    of_task = set(Task.model_fields) - {"data", "code", "metric"}
    return frozenset(of_task - {"model"} if task.code is not None else of_task | _OF_DATA)


def check(task: Task) -> None:
    """Refuses a task whose data or model do not exist, before anything is read or trained.

    Raises:
        ValueError: an unknown name of data or a model, with the nearest ones, or an optimizer that
            only a `Problem` can give.
        FileNotFoundError: a data path that does not exist.
    """
    if task.code is None:
        data.check(task.data)
        models.check(task.model)
        if task.optimizer == "own":
            raise ValueError(
                f"task {task.name!r}: optimizer 'own' is for a Problem that gives one; give 'sgd' "
                "or 'adamw'"
            )
