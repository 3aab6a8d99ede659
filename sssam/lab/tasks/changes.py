"""A task's settings: changed by their names, and refused before anything is read or trained."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from sssam.lab.specs import DataSpec, Task
from sssam.lab.specs.invalid import complaint
from sssam.lab.specs.names import nearest
from sssam.lab.tasks import models, problems, sources
from sssam.lab.tasks import splits as data
from sssam.lab.tasks.examples import ProblemError
from sssam.lab.tasks.problems import Survey

_OF_DATA = frozenset(DataSpec.model_fields) - {"name", "path", "fingerprint"}


def changed(task: Task, changes: Mapping[str, Any]) -> Task:
    """A task with other settings, by the names of their fields.

    Those are the fields of `Task`; of its `data`: `train`, `validation`, `test`, `label_noise`,
    `target` and `length`; and `model`, a name or a dict of `ModelSpec`'s fields.

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
    if made.data.fingerprint is None or not of_data.keys() & {"target", "length"}:
        return made
    return made.model_copy(update={"data": data.identified(made.data)})


def settings(task: Task) -> frozenset[str]:
    """The names of what `changed` can change in a task; a user's function makes model and data."""
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
        sources.settings(task.data)
        models.check(task.model)
        if task.optimizer == "own":
            raise ValueError(
                f"task {task.name!r}: optimizer 'own' is for a Problem that gives one; give 'sgd' "
                "or 'adamw'"
            )


def survey(task: Task) -> Survey | None:
    """What is known of a task before training: its model, tried on one batch, and its data's size.

    None where a user's function raises, whose runs then keep the error.

    Raises:
        ValueError, FileNotFoundError: as `find` would.
        ProblemError: the model can't be trained on the data; names the task, model and shapes.
    """
    check(task)
    try:
        return problems.survey(task)
    except ProblemError:
        raise
    except (Exception, SystemExit):  # whatever a user's function does
        if task.code is None:
            raise
        return None
