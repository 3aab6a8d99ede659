"""Tasks by name, from a path or from a file of one's own; and the rows that a comparison shows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sssam.lab import data, models, tuned
from sssam.lab.data.sources import HUB
from sssam.lab.examples import ProblemError
from sssam.lab.names import nearest
from sssam.lab.specs import Code, DataSpec, Method, ModelSpec, Task
from sssam.lab.tasks import problems, taskfile
from sssam.lab.tasks.catalogue import RECIPES
from sssam.lab.tasks.catalogue import TASKS as TASKS
from sssam.lab.tasks.problems import Survey
from sssam.schedules import Schedule, constant, cosine, late, linear, piecewise

#: Seeds of a comparison, unless one says otherwise: under two minutes on two cores.
DEFAULT_SEEDS = 12

_OF_DATA = frozenset(DataSpec.model_fields) - {"name", "path", "fingerprint"}
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
    if name in TASKS:
        task = TASKS[name]
        source = task.data.model_copy(update={"path": data_path})
        task = task.model_copy(update={"data": source})
    else:
        task = _elsewhere(name, data_path)
    task = changed(task, changes or {})
    if task.code is not None:
        return task
    return task.model_copy(update={"data": data.identified(task.data)})


def changed(task: Task, changes: Mapping[str, Any]) -> Task:
    """A task with other settings, by the names of their fields.

    Those are the fields of `Task`; of its `data`: `train`, `validation`, `label_noise`, `target`
    and `length`; and `model`, a name or a dict of `ModelSpec`'s fields.

    Raises:
        ValueError: no such setting (with the nearest names), a value of a wrong type or range, or
            an unknown model.
    """
    for key in changes:
        if key not in settings(task):
            raise ValueError(f"task {task.name!r}: {nearest('setting', key, settings(task))}")
    of_data = {key: value for key, value in changes.items() if key in _OF_DATA}
    values = {key: value for key, value in changes.items() if key not in of_data}
    if isinstance(values.get("model"), str):
        values["model"] = {"name": values["model"]}
    values["data"] = DataSpec.model_validate({**dict(task.data), **of_data})
    made = Task.model_validate({**dict(task), **values})
    check(made)
    if made.data.fingerprint is None or not of_data.keys() & {"target", "length"}:
        return made
    return made.model_copy(update={"data": data.identified(made.data)})


def settings(task: Task) -> frozenset[str]:
    """The names of what `changed` can change in a task; a user's function brings model and data."""
    of_task = set(Task.model_fields) - {"data", "code", "metric"}
    return frozenset(of_task - {"model"} if task.code is not None else of_task | _OF_DATA)


def check(task: Task) -> None:
    """Refuses a task whose data or model do not exist, before anything is read or trained.

    Raises:
        ValueError: an unknown name of data or a model, with the nearest ones; settings that do not
            go together.
        FileNotFoundError: a data path or a file of one's own that does not exist.
    """
    if task.code is None:
        data.check(task.data)
        models.check(task.model)
        if task.optimizer == "own":
            raise ValueError(
                f"task {task.name!r}: optimizer 'own' is for a Problem that brings one; give 'sgd' "
                "or 'adamw'"
            )


def survey(task: Task) -> Survey | None:
    """What is known of a task before training: its model, built for seed 0, and its data's size.

    None where a user's function raises, whose runs will tell.

    Raises:
        ValueError, FileNotFoundError: as `find` would.
    """
    check(task)
    try:
        return problems.survey(task)
    except ProblemError:
        raise
    except Exception:
        if task.code is None:
            raise
        return None


def word(task: Task) -> str:
    """What names the task on a command line, its data's path apart."""
    if task.code is not None:
        own = task.code.function
        return task.code.path + ("" if own == taskfile.DEFAULT_FUNCTION else f":{own}")
    target = "" if task.data.target is None else f":{task.data.target}"
    if task.name not in TASKS and task.data.path is not None:
        return task.data.path + target
    return task.data.name + target if task.data.name.startswith(HUB) else task.name


def _elsewhere(name: str, data_path: str | None) -> Task:
    """The task of a file, a folder or a data set on the hub."""
    if name.endswith(".py") or ".py:" in name:
        made = _own(taskfile.code(name))
    elif name.startswith(HUB):
        whole, _, target = name.removeprefix(HUB).partition(":")
        made = _of_data(whole.replace("/", "-"), DataSpec(name=HUB + whole, target=target or None))
    elif (spec := _at(name)) is not None:
        made = _of_data(Path(str(spec.path)).stem, spec)
    else:
        hint = ""
        if "/" in name or Path(name).suffix in (*_TABLES, ".txt"):
            hint = "; there is no such file or folder either"
        raise ValueError(nearest("task", name, TASKS) + hint)
    if data_path is not None:
        raise ValueError(f"task {name!r} takes no path of data, got {data_path!r}: leave it out")
    return made


def _at(name: str) -> DataSpec | None:
    """The data at a path, or at a path with the target's column after a colon."""
    path, target = Path(name), None
    if not path.exists() and ":" in name:
        before, _, target = name.rpartition(":")
        path = Path(before)
    where = str(path.resolve())
    if path.is_dir():
        kind = "parquet" if any(path.glob("train*.parquet")) else "imagefolder"
        return DataSpec(name=kind, path=where, target=target)
    if not path.is_file():
        return None
    kind = "table" if path.suffix in _TABLES else "text"
    return DataSpec(name=kind, path=where, target=target)


def _of_data(name: str, spec: DataSpec) -> Task:
    """The recipe for the kind of data."""
    data.check(spec)
    return Task(name=_free(name), data=spec, **RECIPES[data.pool(spec).kind])


def _own(code: Code) -> Task:
    """The task of a user's function, with the settings of its file."""
    stem = Path(code.path).stem
    own = "" if code.function == taskfile.DEFAULT_FUNCTION else f"-{code.function}"
    task = Task(
        name=_free(stem + own),
        data=DataSpec(name="code"),
        model=ModelSpec(name="code"),
        code=code,
    )
    given = taskfile.settings(code)
    task = changed(task, given)
    found = survey(task)
    if found is None:
        return task
    if found.optimizer is not None and "optimizer" in given:
        raise ProblemError(
            f"{code.path}: SETTINGS name an optimizer, and the Problem brings one: leave one out"
        )
    update: dict[str, Any] = {"metric": found.metric}
    update["data"] = task.data.model_copy(update={"fingerprint": found.fingerprint})
    if found.optimizer is not None:
        update["optimizer"] = "own"
    return task.model_copy(update=update)


def _free(name: str) -> str:
    """A name that is none of `TASKS`, whose tuned values it would take."""
    return f"{name}-file" if name in TASKS else name


def untuned_rows(task: Task) -> list[Method]:
    """The rows of a comparison, cheapest control first, before each is given its rho.

    Propagations a step: base 1 (its control has twice the steps), SAM 2, schedules 1.5, and three
    rows with the ascent pass on part of the batch, 1.03 to 1.125.
    """
    return [
        Method(label="base", kind="base"),
        Method(label="base 2x steps", kind="base", length=2),
        Method(label="SAM", kind="sam"),
        _scheduled("SS-SAM constant", constant(0.5)),
        _scheduled("SS-SAM piecewise", piecewise([0.5], [0.2, 0.8])),
        _scheduled("SS-SAM linear", linear(0.0, 1.0)),
        _scheduled("SS-SAM cosine", cosine(0.0, 1.0)),
        _scheduled("SS-SAM late half", late(0.5)),
        Method(label="SAM 1/8 ascent", kind="sam", options={"ascent_fraction": 1 / 8}),
        _scheduled("late half 1/8 ascent", late(0.5), ascent_fraction=1 / 8),
        Method(label="SAM 1/32 ascent", kind="sam", options={"ascent_fraction": 1 / 32}),
    ]


def default_rows(task: Task) -> list[Method]:
    """The rows of a comparison, each with the rho that `sssam.lab.studies.tune` chose for it.

    A task that was not tuned takes the values of `noisy-digits`; `tuned.read(task.name).task` says
    whose they are.

    Raises:
        ValueError: the file of tuned values lacks a row.
    """
    values = tuned.read(task.name)
    return [
        row if row.kind == "base" else row.model_copy(update={"rho": values.rho(row.label)})
        for row in untuned_rows(task)
    ]


def _scheduled(label: str, schedule: Schedule, **options: bool | int | float | str) -> Method:
    return Method(label=label, kind="sssam", schedule=schedule.to_dict(), options=options)
