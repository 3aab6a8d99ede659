"""The second form of a step: a loop over its passes, which serves every method."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.amp import GradScaler

from sssam.runtime import gradients
from sssam.runtime.batch_pass import BatchPass
from sssam.runtime.scaling import Scaling
from sssam.runtime.step import Ran, StepInProgress
from sssam.runtime.training import TrainingState

Backward = Callable[[Tensor], Any]


def by_passes(
    training: TrainingState, batch: Any, scaler: GradScaler | None, backward: Backward | None
) -> Iterator[BatchPass]:
    """The passes of one step, each at the weights that it is for; to be followed by `step()`."""
    run = backward or partial(_run_backward, scaler)
    if training.stage == "ready" and not training.current.offered:
        raise RuntimeError(
            "passes() was called again before step(): the gradient of the passes before would be "
            "lost. To accumulate, give the whole batch, or use the two lines with ascend(); to "
            "skip a step, call optimizer.zero_grad() or restore()"
        )
    training.give_up()
    keeps = not training.ranks.may_be_buckets
    gradients.clear(training.bases.params, keeps, training.keeps_zeros)
    scaling, step = Scaling.of(scaler, training.bases), None
    training.current.stage, training.current.scaled, is_over = "running", scaler is not None, False
    try:
        step = training.begin()
        yield from _passes(training, step, batch, run, scaling)
        step.batch = batch if training.method.facts.keeps_batch else None
        training.current.stage, is_over = "ready", True
    finally:  # perhaps much later, where a traceback has kept this loop alive: another step's then
        if training.step is step and not is_over:
            training.give_up()


def _passes(
    training: TrainingState,
    step: StepInProgress,
    batch: Any,
    run: Backward,
    scaling: Scaling | None,
) -> Iterator[BatchPass]:
    while (wanted := step.wanted) is not None:
        source = training.batch if wanted.earlier else batch
        current = BatchPass(wanted, source, run, training.guard.model)
        yield current
        training.require_current(step)
        if not current.ran:
            raise RuntimeError(
                f"the {current.phase} pass ended without p.backward(loss); call it once a pass"
            )
        step.end_pass(Ran(current.fraction, current.losses, scaling))


def _run_backward(scaler: GradScaler | None, loss: Tensor) -> None:
    torch.autograd.backward(loss if scaler is None else scaler.scale(loss))
