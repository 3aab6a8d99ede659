"""What can be known to fail is refused before any training."""

from collections.abc import Iterable

from sssam.lab import tasks
from sssam.lab.specs import Method, Run, Task
from sssam.lab.training import loop, methods, prepare


def check(task: Task, rows: Iterable[Method]) -> None:
    """Finds a task's data, and builds every method over its own model.

    Raises:
        ValueError: an unknown name, a hyperparameter out of its range, too few examples, a model
            without the layers that a method needs, a method that needs one loss a sample.
        FileNotFoundError: data that do not exist.
    """
    found = tasks.survey(task)
    if found is not None and task.augment and not found.images:
        raise ValueError(f"task {task.name!r}: augment is for images (n, channels, height, width)")
    for row in rows:
        methods.check(row)
        if found is None:
            continue
        run = Run(task=task, method=row, seed=0)
        optimizer = methods.build(
            row,
            prepare.base_optimizer(run, found.model, found.optimizer),
            loop.total_steps(run, found.size),
            0,
            found.model,
        )
        if not found.losses and methods.chooses_samples(optimizer):
            raise ValueError(
                f"method {row.label!r} of kind {row.kind!r} chooses samples by their losses, but "
                f"the loss of task {task.name!r} is a scalar: return one loss a sample, or leave "
                "the method out"
            )
