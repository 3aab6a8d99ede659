"""One batch of a task, forward and backward, before anything is trained on it."""

import copy
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sssam.lab.tasks.examples import ProblemError, leaves
from sssam.lab.tasks.problem import Judgement, run_model, scores
from sssam.runtime import batches

#: Files under these folders are no user's.
_OTHERS = (Path(torch.__file__).parent, Path(__file__).parents[2])


class MisfitError(ProblemError):
    """Model, loss, metric or optimizer that can't run on the data; says which, and the shapes."""


def tried(model: nn.Module, loss: Judgement, metric: Judgement, inputs: Any, targets: Any) -> bool:
    """Runs a batch through model, loss and metric, and back; whether there is a loss a sample.

    It runs on a copy of the model, and no generator is moved.

    Raises:
        MisfitError: one of them raises, or the loss has no gradient.
        ProblemError: the loss or the metric has a wrong shape, type or range.
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
        MisfitError: in place of any exception but a ProblemError.
    """
    try:
        yield
    except ProblemError:
        raise
    except Exception as error:  # whatever a user's code or torch raises
        on = ", ".join(f"{name} {_shapes(tree)}" for name, tree in given.items())
        reason = textwrap.shorten(str(error), 300, placeholder=" ...")
        raise MisfitError(
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
