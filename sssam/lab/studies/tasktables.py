"""The tasks of a study file, from names and tables of settings -> tasks with their data found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from sssam.lab import tasks
from sssam.lab.specs import DataSpec, Task
from sssam.lab.specs.names import nearest, safe
from sssam.lab.studies.complaints import KeyedError, Place, Text
from sssam.lab.studies.conduct import EARLIER, RECORDS
from sssam.lab.training import loggers


class _TaskTable(BaseModel):
    """The keys of a task; all others are its settings."""

    model_config = ConfigDict(extra="allow", strict=True)

    name: str
    label: str | None = None
    data: str | None = None


def read(
    given: Sequence[str | dict[str, Any]],
    epochs: int | None,
    data: Mapping[str, str],
    text: Text,
) -> list[Task]:
    """The tasks, with their data found.

    Args:
        given: names, or tables of settings.
        epochs: of those that say none themselves.
        data: paths of data by the names of tasks, in place of what the tables say.
        text: the file's, which paths are looked for beside, and complaints name.

    Raises:
        ValueError: an unknown task, key or model; a setting of a wrong type or out of its range;
            two tasks whose results would lie in one folder; data for a task that is not there.
        FileNotFoundError, ConnectionError: the data of a task are missing, or can't be reached.
    """
    found: list[Task] = []
    for number, each in enumerate(given):
        with text.at(Place("tasks", number), {**DataSpec.model_fields, **Task.model_fields}):
            table = _task_table(each)
            path = data.get(table.label or table.name) or table.data
            table = table.model_copy(update={"data": path})
            found.append(_task(table, epochs, text.path.parent))
    names = [task.name for task in found]
    for name in data:
        if name not in names:
            raise ValueError(f"--data {name}=...: {nearest('task of the study', name, names)}")
    _require_folders(names, text)
    return found


def _require_folders(names: Sequence[str], text: Text) -> None:
    """Refuses names whose results would lie in one folder, or among a study's own files."""
    own = (RECORDS, EARLIER, loggers.FOLDER) if len(names) > 1 else ()
    taken = dict.fromkeys(own, "a folder of every study's own")
    for number, name in enumerate(names):
        folder = safe(name).casefold()
        with text.at(Place("tasks", number)):
            if folder in taken:
                what = "is there twice" if name in names[:number] else f"and {taken[folder]} clash"
                raise KeyedError("name", f"task {name!r} {what}: give it another label")
        taken[folder] = repr(name)


def _task_table(given: str | dict[str, Any]) -> _TaskTable:
    table = {"name": given} if isinstance(given, str) else given
    if not table.get("name"):
        raise KeyedError("name", "is missing: give a task's name, or a file that makes one")
    return _TaskTable.model_validate(table)


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
