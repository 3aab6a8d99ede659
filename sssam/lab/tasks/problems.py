"""From a `Task` to its `Problem`: of data and a model by name, or of a user's file."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import Module

from sssam.lab.specs import Code, Task
from sssam.lab.tasks import families as models
from sssam.lab.tasks import splits as data
from sssam.lab.tasks import taskfile
from sssam.lab.tasks.examples import fingerprint
from sssam.lab.tasks.problem import Judgement, OwnOptimizer, Problem, accuracy, cross_entropy
from sssam.lab.tasks.trial import MisfitError, named, tried


class Survey(NamedTuple):
    """What is known of a problem before any training, its data apart.

    `losses` says whether there is one loss a sample; `images` whether augmentation can shift and
    flip the inputs; `size` is the number of training samples; `optimizer` is the user's own;
    `metric` is the metric's name; `fingerprint` is of the data.
    """

    model: Module
    losses: bool
    images: bool
    size: int
    optimizer: OwnOptimizer | None
    metric: str
    fingerprint: str | None
    loss: Judgement = cross_entropy


def make(task: Task, seed: int) -> Problem:
    """Model and data of a run; equal seeds give equal ones.

    Raises:
        ValueError: an unknown name, sizes that do not fit, a user's file that can't be used.
        FileNotFoundError: data or a file that do not exist.
        Exception: whatever a user's own function raises.
    """
    if task.code is not None:
        return taskfile.problem(task.code, seed)
    split = data.load(task.data, seed)
    network = models.build(
        task.model,
        split.shape,
        split.classes,
        seed,
        vocabulary=split.vocabulary,
        each_position=split.each_position,
    )
    return Problem(network, split.train, split.validation, split.test)


def survey(task: Task) -> Survey:
    """Builds the model; of a user's file, tries what it gives for seed 0 on one batch.

    Raises:
        As `make`; and ProblemError where a user's model, loss or metric can't run on the batch.
    """
    if task.code is not None:
        with _of(task):
            return _surveyed(task.code.path, task.code.function, task.code.sha256, task.batch_size)
    found = data.pool(task.data)
    size = data.reach(task.data)
    few = found.inputs(torch.arange(2).clamp_max(len(found.labels) - 1))
    network = models.build(
        task.model,
        tuple(few.shape[1:]),
        found.classes,
        0,
        vocabulary=found.vocabulary,
        each_position=found.labels.ndim > 1,
    )
    return Survey(
        model=network,
        losses=True,
        images=few.ndim == 4,
        size=size,
        optimizer=None,
        metric="accuracy",
        fingerprint=task.data.fingerprint,
    )


@lru_cache(maxsize=4)
def _surveyed(path: str, function: str, sha256: str, size: int) -> Survey:
    """The survey of a user's function, made once a process and content of the file."""
    problem = taskfile.problem(Code(path=path, function=function, sha256=sha256), 0)
    train = problem.parts[0]
    _, inputs, targets = next(train.batches(torch.arange(min(size, len(train))), size, 0))
    if problem.optimizer is not None:
        with named("optimizer"):
            problem.optimizer(problem.model.parameters(), 0.1)
    return Survey(
        model=problem.model,
        losses=tried(problem.model, problem.loss, problem.metric, inputs, targets),
        images=isinstance(inputs, Tensor) and inputs.ndim == 4 and inputs.is_floating_point(),
        size=len(train),
        optimizer=problem.optimizer,
        metric=problem.metric_name,
        fingerprint=fingerprint(problem.parts),
        loss=problem.loss,
    )


def try_batch(task: Task, model: Module) -> None:
    """Runs the first batch of data by name through a model, forward and backward.

    Raises:
        ProblemError: the model does not fit the data; the text names the task, model and shapes.
    """
    found = data.pool(task.data)
    index = torch.arange(min(task.batch_size, len(found.labels)))
    (inputs,) = found.scaled([found.inputs(index)])
    with _of(task):
        tried(model, cross_entropy, accuracy, inputs, found.labels[index])


@contextmanager
def _of(task: Task) -> Iterator[None]:
    """Puts the task's name before what is said of its misfit."""
    try:
        yield
    except MisfitError as error:
        raise MisfitError(f"task {task.name!r}: {error}") from error
