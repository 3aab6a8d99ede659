"""From a `Task` to its `Problem`: of data and a model by name, or of a user's file."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import Module

from sssam.lab.specs import Code, Task
from sssam.lab.tasks import families as models
from sssam.lab.tasks import splits as data
from sssam.lab.tasks import taskfile
from sssam.lab.tasks.examples import ProblemError, fingerprint
from sssam.lab.tasks.problem import (
    Judgement,
    OwnOptimizer,
    Problem,
    cross_entropy,
    run_model,
    scores,
)
from sssam.runtime import batches


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
    """Builds the model, and runs it on two examples; of a user's file, on what it gives for seed 0.

    Raises:
        As `make`; and ValueError where a loss or a metric has a wrong shape or range.
    """
    if task.code is not None:
        return _surveyed(task.code.path, task.code.function, task.code.sha256)
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
def _surveyed(path: str, function: str, sha256: str) -> Survey:
    """The survey of a user's function, made once a process and content of the file."""
    problem = taskfile.problem(Code(path=path, function=function, sha256=sha256), 0)
    train = problem.parts[0]
    _, inputs, targets = next(train.batches(torch.arange(min(2, len(train))), 2, 0))
    return Survey(
        model=problem.model,
        losses=tried(problem, inputs, targets),
        images=isinstance(inputs, Tensor) and inputs.ndim == 4 and inputs.is_floating_point(),
        size=len(train),
        optimizer=problem.optimizer,
        metric=problem.metric_name,
        fingerprint=fingerprint(problem.parts),
        loss=problem.loss,
    )


def tried(problem: Problem, inputs: object, targets: object) -> bool:
    """Runs model, loss and metric on a batch without training; whether there is a loss a sample.

    An optimizer of the problem's own is built once too.

    Raises:
        ProblemError: loss or metric has a wrong shape, type or range.
        Exception: whatever the user's functions raise.
    """
    n = batches.size(inputs)
    if problem.optimizer is not None:
        problem.optimizer(problem.model.parameters(), 0.1)
    was_training = problem.model.training
    problem.model.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            outputs = run_model(problem.model, inputs)
            loss = problem.loss(outputs, targets)
            scores(problem.metric, outputs, targets, n)
    finally:
        problem.model.train(was_training)
    if not isinstance(loss, Tensor) or loss.shape not in ((n,), ()):
        got = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise ProblemError(
            f"loss gave {got} for {n} samples, must give a tensor of shape ({n},), one loss a "
            'sample (as torch\'s losses do with reduction="none"), or a scalar'
        )
    if not loss.is_floating_point():
        raise ProblemError(
            f"loss gave numbers of type {loss.dtype}, must give a floating-point type, which has "
            "gradients"
        )
    return bool(loss.ndim)
