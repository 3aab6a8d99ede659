"""What can be known to fail is refused before any training."""

import copy
from collections.abc import Iterable

from sssam import SharpnessAware
from sssam.lab import tasks
from sssam.lab.specs import Method, Run, Task
from sssam.lab.tasks.problems import Survey
from sssam.lab.training import methods, prepare


class MethodError(ValueError):
    """A variant that can't be built on a task."""


def check(task: Task, variants: Iterable[Method]) -> None:
    """Finds a task's data, and builds every method over its own model.

    Raises:
        MethodError: a hyperparameter out of its range, a model without the layers that a method
            needs, a method that needs one loss a sample.
        ValueError, FileNotFoundError: an unknown name, too few examples, data that do not exist.
    """
    survey = tasks.survey(task)
    if task.augment != "none" and not survey.images:
        raise ValueError(f"task {task.name!r}: augment is for images (n, channels, height, width)")
    for variant in variants:
        methods.check(variant)
        _build(task, variant, survey)


def _build(task: Task, variant: Method, survey: Survey) -> None:
    run = Run(task=task, method=variant, seed=0)
    problem = survey.problem
    prepare.training_loss(run, problem.loss)
    prepare.set_dropout(run, copy.deepcopy(problem.model))  # what is surveyed is kept
    base = prepare.base_optimizer(run, problem.model, problem.optimizer)
    steps = run.total_steps(survey.size)
    try:
        optimizer = methods.build(variant, base, steps, 0, problem.model)
    except (ValueError, TypeError) as error:
        raise MethodError(f"method {variant.label!r}: {error}") from error
    chooses = isinstance(optimizer, SharpnessAware) and optimizer.method.facts.needs_losses
    if chooses and not survey.losses:
        raise MethodError(
            f"method {variant.label!r}: kind {variant.kind!r} chooses samples by their losses, but "
            f"the loss of task {task.name!r} is a scalar: return one loss a sample, or leave the "
            "method out"
        )


def check_runs(runs: Iterable[Run]) -> None:
    """Finds every task's data, and builds every method over the task's own model, as `check`."""
    of_tasks: dict[str, tuple[Task, dict[str, Method]]] = {}
    for run in runs:
        _, methods_ = of_tasks.setdefault(run.task.model_dump_json(), (run.task, {}))
        methods_[run.method.model_dump_json()] = run.method
    for task, methods_ in of_tasks.values():
        check(task, methods_.values())
