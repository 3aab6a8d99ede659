"""Tasks by name, from a path, from the hub or from a file of one's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sssam.lab.specs import DataSpec, ModelSpec, Task
from sssam.lab.specs.names import nearest
from sssam.lab.tasks import splits as data
from sssam.lab.tasks import taskfile
from sssam.lab.tasks.catalogue import RECIPES, TASKS
from sssam.lab.tasks.changes import changed, survey
from sssam.lab.tasks.examples import ProblemError
from sssam.lab.tasks.sources import HUB

_TABLES = (".csv", ".tsv", ".parquet")


def find(name: str, data_path: str | None = None, changes: Mapping[str, Any] | None = None) -> Task:
    """The task that a word names, its data found and identified.

    The word is one of `TASKS`, or

    - `my_task.py` or `my_task.py:function`: a function of one's own (`sssam.lab.Problem`); the file
      is imported, and the function called with seed 0;
    - `table.csv`, `table.csv:column` (also .tsv and .parquet): a table and its target;
    - `book.txt`: any text file, to predict its next byte;
    - a folder of images in one folder a class, or of train*.parquet;
    - `hub:organisation/name`: a data set of images or texts on the Hugging Face hub, and perhaps
      `/configuration` and `:column`.

    A user's function that raises is found too: its runs then keep the traceback.

    Args:
        name: the word.
        data_path: where the data lie, for a task of `TASKS` that takes a path.
        changes: as for `changed`.

    Raises:
        ValueError: no such task (with the nearest names), data that take no path, or a file that
            breaks the interface.
        FileNotFoundError: the path does not exist.
    """
    changes = changes or {}
    if name in TASKS:
        task = TASKS[name]
        source = task.data.model_copy(update={"path": data_path})
        task = task.model_copy(update={"data": source})
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


def word(task: Task) -> str:
    """What names the task on a command line, its data's path apart."""
    if task.code is not None:
        own = task.code.function
        return task.code.path + ("" if own == taskfile.DEFAULT_FUNCTION else f":{own}")
    if task.name in TASKS:
        return task.name
    target = "" if task.data.target is None else f":{task.data.target}"
    return (task.data.path or task.data.name) + target


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
        looks_like_a_path = "/" in name or Path(name).suffix in (*_TABLES, ".txt")
        hint = "; there is no such file or folder either" * looks_like_a_path
        raise ValueError(nearest("task", name, TASKS) + hint)
    if path.is_dir():
        kind = "parquet" if any(path.glob("train*.parquet")) else "imagefolder"
    else:
        kind = "table" if path.suffix in _TABLES else "text"
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
    found = survey(task)
    if found is None:
        return task
    if found.problem.optimizer is not None and "optimizer" in given:
        raise ProblemError(
            f"{code.path}: SETTINGS name an optimizer, and the Problem gives one: leave one out"
        )
    update: dict[str, Any] = {"metric": found.problem.metric_name}
    update["data"] = task.data.model_copy(update={"fingerprint": found.fingerprint})
    if found.problem.optimizer is not None:
        update["optimizer"] = "own"
    return task.model_copy(update=update)


def _free(name: str) -> str:
    """A name that is none of `TASKS`, whose tuned values it would take."""
    return f"{name}-file" if name in TASKS else name
