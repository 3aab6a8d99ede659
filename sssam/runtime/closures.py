"""The first form of a step: a closure, which is called once for each pass."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.amp import GradScaler

from sssam.core.checks import share
from sssam.runtime import gradients
from sssam.runtime.calls import require_batch_form
from sssam.runtime.scaling import Scaling
from sssam.runtime.step import Ran
from sssam.runtime.trainers import require_whole_pass
from sssam.runtime.training import TrainingState

Closure = Callable[[], Any]


class Closures(NamedTuple):
    """What `step(closure, ...)` was given."""

    closure: Closure
    ascent_closure: Closure | None = None
    fraction: float | None = None
    scaler: GradScaler | None = None


def by_closure(training: TrainingState, optimizer: Any, given: Closures) -> Any:
    """A whole step; the loss of its first pass. Any exception leaves the weights at w."""
    require_batch_form(training, "step(closure)")
    _require_callable("closure", given.closure)
    _require_callable("ascent_closure", given.ascent_closure or given.closure)
    require_whole_pass(given.closure)
    training.give_up()
    _clear_foreign(training)
    training.left, training.current.stage = None, "running"
    try:
        loss = _run(training, given)
        training.require_gradients()
        training.current.stage = "ready"
        if given.scaler is None:
            training.update()
        else:  # it unscales and checks the gradients, then calls optimizer.step(), or skips it
            given.scaler.step(optimizer)
    finally:
        training.give_up()
    training.left = gradients.Left.of(training.bases.first_gradient())
    return loss


def _require_callable(name: str, closure: object) -> None:
    if not callable(closure):
        raise TypeError(
            f"{name} must be a function that runs a whole pass and returns its loss, not a "
            f"{type(closure).__name__}: write step({name}) without calling it, or the two lines "
            "with ascend(), and step() without a loss"
        )


def _run(training: TrainingState, given: Closures) -> Any:
    must_read = training.method.facts.ascent_fraction < 1 and given.ascent_closure is None
    # Before the draw shows, so that errors do not depend on it.
    part = None if given.fraction is None else share("ascent_fraction", given.fraction)
    scaling = Scaling.of(given.scaler, training.bases)
    if training.method.is_plain(training.counters.steps):
        loss = _call(training, given.closure, "closure", must_read)
        training.counters.count_pass(1.0)
        return loss
    current, losses = training.current, []
    current.scaled = given.scaler is not None
    step = training.begin(part)
    while (wanted := step.wanted) is not None:
        alone = given.ascent_closure if wanted.phase == "ascent" else None
        name = "closure" if alone is None else "ascent_closure"
        losses.append(_call(training, alone or given.closure, name, must_read))
        training.require_current(current)
        step.end_pass(Ran(wanted.fraction, scaling=scaling))
    return losses[0]


def _call(training: TrainingState, closure: Closure, name: str, must_read: bool) -> Any:
    training.phase_was_read = False
    if torch.is_grad_enabled():
        loss = closure()
    else:
        with torch.enable_grad():
            loss = closure()
    if loss is None:
        raise ValueError(
            f"{name} returned nothing; it must return the loss that it ran backward from"
        )
    if must_read and not training.phase_was_read:
        raise RuntimeError(
            f"ascent_fraction={training.method.facts.ascent_fraction:g} runs the ascent pass on a "
            "part of the batch, but the closure never read optimizer.phase; take the part where it "
            "is 'ascent', or give step(closure, ascent_closure=...)"
        )
    return loss


def _clear_foreign(training: TrainingState) -> None:
    """Clear gradients that stand before a closure's first pass and are not the last step's.

    They come of a `loss.backward()` before `step(closure)`, the form of other SAMs, and would be
    added to the closure's own. No error: they also stand where training is wrapped midway.
    """
    first = training.bases.first_gradient()
    if first is not None and not (training.left and training.left.is_still(first)):
        gradients.clear(training.bases.trainable()[0], not training.ranks.may_be_buckets)
