"""From a `Task` to its `Problem`, which is tried on one batch before anything is trained."""

import copy
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sssam.lab.specs import Code, Task
from sssam.lab.tasks import models, taskfile
from sssam.lab.tasks import splits as data
from sssam.lab.tasks.examples import ProblemError, fingerprint, leaves
from sssam.lab.tasks.problem import Judgement, Problem, run_model, scores
from sssam.runtime import batches

#: Files under these folders are no user's.
_OTHERS = (Path(torch.__file__).parent, Path(__file__).parents[2])


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

    Whatever a user's own function raises goes on as it is.
    """
    if task.code is not None:
        return taskfile.problem(task.code, seed)
    split = data.load(task.data, seed, at_most)
    return Problem(models.build(task.model, split.form, seed), *split[:3])


def survey(task: Task) -> Survey:
    """Makes the problem of seed 0, and tries its model on one batch, forward and backward.

    Raises:
        ProblemError: a user's function raises, or the model, loss or metric can't run on the batch.
    """
    try:
        if task.code is not None:
            return _of_file(task.code, task.batch_size)
        problem = make(task, 0, at_most=task.batch_size)
        size = data.train_size(task.data)
        return _tried(problem, task.batch_size, size, task.data.fingerprint)
    except ProblemError as error:
        raise ProblemError(f"task {task.name!r}: {error}") from error


@lru_cache(maxsize=4)
def _of_file(code: Code, batch: int) -> Survey:
    """The survey of a user's function, made once a process and content of the file."""
    with taskfile.reporting(code, f"{code.function}(0) was called"):
        problem = taskfile.problem(code, 0)
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


def tried(model: nn.Module, loss: Judgement, metric: Judgement, inputs: Any, targets: Any) -> bool:
    """Runs a batch through model, loss and metric, and back; whether there is a loss a sample.

    It runs on a copy of the model, and no generator is moved.

    Raises:
        ProblemError: one of them raises, the loss has no gradient, or the loss or the metric has a
            wrong shape, type or range; the text says which, and the shapes.
    """
    n, network = batches.size(inputs), copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        with named(f"model {type(model).__name__}", inputs=inputs):
            outputs = run_model(network, inputs)
        with named("loss", outputs=outputs, targets=targets):
            losses = loss(outputs, targets)
        _require_losses(losses, n)
        with named("metric", outputs=outputs, targets=targets), torch.no_grad():
            scores(metric, outputs, targets, n)
        with named("the loss's backward pass", inputs=inputs, targets=targets):
            torch.autograd.backward(losses.mean())
    return bool(losses.ndim)


def _require_losses(losses: object, n: int) -> None:
    if not isinstance(losses, Tensor) or losses.shape not in ((n,), ()):
        got = tuple(losses.shape) if isinstance(losses, Tensor) else type(losses).__name__
        raise ProblemError(
            f"loss gave {got} for {n} samples, must give a tensor of shape ({n},), one loss a "
            'sample (as torch\'s losses do with reduction="none"), or a scalar'
        )
    if not losses.is_floating_point():
        raise ProblemError(
            f"loss gave numbers of type {losses.dtype}, must give a floating-point type, which has "
            "gradients"
        )


@contextmanager
def named(what: str, **given: Any) -> Iterator[None]:
    """Says of what is raised inside where it comes from, and on tensors of which shapes.

    Raises:
        ProblemError: in place of any other exception.
    """
    try:
        yield
    except ProblemError:
        raise
    except Exception as error:  # whatever a user's code or torch raises
        on = ", ".join(f"{name} {_shapes(tree)}" for name, tree in given.items())
        reason = textwrap.shorten(str(error), 300, placeholder=" ...")
        raise ProblemError(
            f"{what} fails on one batch{on and f' ({on})'} with {type(error).__name__}: "
            f"{reason}{_place(error)}"
        ) from error


def _shapes(tree: Any) -> str:
    """The shapes and types of what a nesting holds.

    >>> _shapes({"a": torch.zeros(2, 3), "b": [torch.zeros(2, dtype=torch.int64)]})
    '(2, 3) float32, (2,) int64'
    """
    return ", ".join(
        f"{tuple(leaf.shape)} {str(leaf.dtype).removeprefix('torch.')}"
        if isinstance(leaf, Tensor)
        else type(leaf).__name__
        for leaf in leaves(tree)
    )


def _place(error: Exception) -> str:
    """The last line outside torch and this package that was running, if there is one."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not any(Path(frame.filename).is_relative_to(folder) for folder in _OTHERS):
            return f" ({frame.filename}, line {frame.lineno})"
    return ""
