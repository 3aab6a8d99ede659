"""From a `Task` to its `Problem`: of data and a model by name, or of a user's file."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from sssam.lab.specs import Code, Task
from sssam.lab.tasks import models, taskfile
from sssam.lab.tasks import splits as data
from sssam.lab.tasks.examples import fingerprint
from sssam.lab.tasks.problem import Problem
from sssam.lab.tasks.trial import MisfitError, named, tried


class Survey(NamedTuple):
    """What is known of a task before any training.

    `problem` is that of seed 0, with few examples where data and model have names; `losses` says
    whether there is one loss a sample; `images` whether augmentation can shift and flip the inputs;
    `size` is the number of training samples; `fingerprint` is of the data.
    """

    problem: Problem
    losses: bool
    images: bool
    size: int
    fingerprint: str | None


def make(task: Task, seed: int, at_most: int | None = None) -> Problem:
    """Model and data of a run; equal seeds give equal ones. `at_most` as for `splits.load`.

    Raises:
        ValueError: an unknown name, sizes that do not fit, a user's file that can't be used.
        FileNotFoundError: data or a file that do not exist.
        Exception: whatever a user's own function raises.
    """
    if task.code is not None:
        return taskfile.problem(task.code, seed)
    split = data.load(task.data, seed, at_most)
    return Problem(models.build(task.model, split.form, seed), *split[:3])


def survey(task: Task) -> Survey:
    """Makes the problem of seed 0, and tries its model on one batch, forward and backward.

    Raises:
        As `make`; and ProblemError where the model, loss or metric can't run on the batch.
    """
    try:
        if task.code is not None:
            return _of_file(*task.code.model_dump().values(), task.batch_size)
        problem = make(task, 0, at_most=task.batch_size)
        size = data.train_size(task.data)
        return _tried(problem, task.batch_size, size, task.data.fingerprint)
    except MisfitError as error:
        raise MisfitError(f"task {task.name!r}: {error}") from error


@lru_cache(maxsize=4)
def _of_file(path: str, function: str, sha256: str, batch: int) -> Survey:
    """The survey of a user's function, made once a process and content of the file."""
    problem = taskfile.problem(Code(path=path, function=function, sha256=sha256), 0)
    return _tried(problem, batch, len(problem.parts[0]), fingerprint(problem.parts))


def _tried(problem: Problem, batch: int, size: int, content: str | None) -> Survey:
    train = problem.parts[0]
    _, inputs, targets = next(train.batches(torch.arange(min(batch, len(train))), batch, 0))
    if problem.optimizer is not None:
        with named("optimizer"):
            problem.optimizer(problem.model.parameters(), 0.1)
    losses = tried(problem.model, problem.loss, problem.metric, inputs, targets)
    images = isinstance(inputs, Tensor) and inputs.ndim == 4 and inputs.is_floating_point()
    return Survey(problem, losses, images, size, content)
