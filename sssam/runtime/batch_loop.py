"""The second form of a step: a loop over its passes, which serves every method."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.amp import GradScaler

from sssam.core.passes import Pass
from sssam.runtime import gradients
from sssam.runtime.batch_pass import BatchPass
from sssam.runtime.scaling import Scaling
from sssam.runtime.step import Ran, StepInProgress
from sssam.runtime.training import TrainingState

Backward = Callable[[Tensor], Any]
_ALONE = Pass("plain")


def by_passes(
    training: TrainingState, batch: Any, scaler: GradScaler | None, backward: Backward | None
) -> Iterator[BatchPass]:
    """The passes of one step, each at the weights that it is for; to be followed by `step()`."""
    run, facts = backward or partial(_run_backward, scaler), training.method.facts
    if training.stage == "ready" and not training.current.offered:
        raise RuntimeError(
            "passes() was called again before step(): the gradient of the passes before would be "
            "lost. To accumulate, give the whole batch, or use the two lines with ascend(); to "
            "skip a step, call optimizer.zero_grad() or restore()"
        )
    training.give_up()
    keeps = not training.ranks.may_be_buckets
    gradients.clear(training.bases.params, keeps, training.keeps_zeros)
    scaling, current, is_over = Scaling.of(scaler, training.bases), training.current, False
    current.stage, current.scaled = "running", scaler is not None
    try:
        if training.method.is_plain(training.counters.steps) and not facts.keeps_batch:
            yield from _run_one(training, BatchPass(_ALONE, batch, run))
            training.require_gradients()
            training.counters.count_pass(1.0)
        else:
            yield from _run_all(training, training.begin(), batch, run, scaling)
        current.stage, is_over = "ready", True
    finally:  # perhaps much later, where a traceback has kept this loop alive: another step's then
        if training.current is current and not is_over:
            training.give_up()


def _run_all(
    training: TrainingState,
    step: StepInProgress,
    batch: Any,
    run: Backward,
    scaling: Scaling | None,
) -> Iterator[BatchPass]:
    while (wanted := step.wanted) is not None:
        source = training.batch if wanted.earlier else batch
        ran = BatchPass(wanted, source, run, training.guard.model)
        yield from _run_one(training, ran)
        step.end_pass(Ran(ran.fraction, ran.losses, scaling))
    step.batch = batch if training.method.facts.keeps_batch else None


def _run_one(training: TrainingState, wanted: BatchPass) -> Iterator[BatchPass]:
    current = training.current
    yield wanted
    training.require_current(current)
    if not wanted.ran:
        raise RuntimeError(
            f"the {wanted.phase} pass ended without p.backward(loss); call it once a pass"
        )


def _run_backward(scaler: GradScaler | None, loss: Tensor) -> None:
    torch.autograd.backward(loss if scaler is None else scaler.scale(loss))
