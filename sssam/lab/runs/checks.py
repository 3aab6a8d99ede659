"""What can be known to fail is refused before any training."""

import copy
from collections.abc import Iterable

from sssam.lab import tasks
from sssam.lab.specs import Method, Run, Task
from sssam.lab.tasks.problems import Survey
from sssam.lab.training import methods, prepare


class MethodError(ValueError):
    """A row that can't be built on a task; `reason` is the text without the row's `label`."""

    def __init__(self, label: str, reason: str) -> None:
        super().__init__(f"method {label!r}: {reason}")
        self.label, self.reason = label, reason


def check(task: Task, rows: Iterable[Method]) -> None:
    """Finds a task's data, and builds every method over its own model.

    Raises:
        MethodError: a hyperparameter out of its range, a model without the layers that a method
            needs, a method that needs one loss a sample.
        ValueError: an unknown name, too few examples.
        FileNotFoundError: data that do not exist.
    """
    found = tasks.survey(task)
    if found is not None and task.augment != "none" and not found.images:
        raise ValueError(f"task {task.name!r}: augment is for images (n, channels, height, width)")
    for row in rows:
        methods.check(row)
        if found is not None:
            _build(task, row, found)


def _build(task: Task, row: Method, found: Survey) -> None:
    run = Run(task=task, method=row, seed=0)
    prepare.training_loss(run, found.loss)
    prepare.set_dropout(run, copy.deepcopy(found.model))  # what is surveyed is kept
    base = prepare.base_optimizer(run, found.model, found.optimizer)
    steps = run.total_steps(found.size)
    try:
        optimizer = methods.build(row, base, steps, 0, found.model)
    except (ValueError, TypeError) as error:
        raise MethodError(row.label, str(error)) from error
    if not found.losses and methods.chooses_samples(optimizer):
        raise MethodError(
            row.label,
            f"kind {row.kind!r} chooses samples by their losses, but the loss of task "
            f"{task.name!r} is a scalar: return one loss a sample, or leave the method out",
        )
