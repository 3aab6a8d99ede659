"""Three ways to drive a method's passes: a closure, two lines in a loop, and a loop over passes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.amp import GradScaler

from sssam.core.checks import share
from sssam.core.passes import Pass
from sssam.runtime import gradients
from sssam.runtime.batch_pass import BatchPass
from sssam.runtime.scaling import Scaling, require_scaled
from sssam.runtime.trainers import require_whole_pass
from sssam.runtime.training import GIVEN_UP, Engine

Closure = Callable[[], Any]


# A closure ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Closures:
    """What `step(closure, ...)` was given."""

    closure: Closure
    ascent_closure: Closure | None = None
    fraction: float | None = None
    scaler: GradScaler | None = None


def by_closure(engine: Engine, optimizer: Any, given: Closures) -> Any:
    """A whole step; the loss of its first pass. Any exception leaves the weights at w."""
    _refuse_if_batch(engine, "step(closure)")
    require_whole_pass(given.closure)
    if engine.begun:
        engine.give_way()
    _clear_foreign(engine)
    engine.left = None
    try:
        engine.stage = "driving"
        loss = _run(engine, given)
        engine.require_gradients()
        if given.scaler is None:
            engine.update()
        else:
            _step_through(engine, optimizer, given.scaler)
    except BaseException:
        engine.abandon()
        raise
    engine.left = gradients.Left.of(engine.bases.first_gradient())
    return loss


def _step_through(engine: Engine, optimizer: Any, scaler: GradScaler) -> None:
    # The scaler unscales and checks the gradients, then calls optimizer.step(), or skips it.
    engine.stage = "ready"
    scaler.step(optimizer)
    if engine.stage == "ready":
        engine.abandon()


def _run(engine: Engine, given: Closures) -> Any:
    must_read = engine.part < 1 and given.ascent_closure is None
    if engine.method.is_plain(engine.counters.steps):
        loss = _call(engine, given.closure, "closure", must_read)
        engine.counters.count_pass(1.0)
        return loss
    scaling, engine.scaled = Scaling(given.scaler, engine.bases), given.scaler is not None
    engine.guard.begin(engine.open().params)
    losses = []
    while engine.wanted is not None:
        wanted = _resized(engine.wanted, given.fraction)
        engine.begin_pass(wanted)
        alone = given.ascent_closure if wanted.phase == "ascent" else None
        name = "closure" if alone is None else "ascent_closure"
        losses.append(_call(engine, alone or given.closure, name, must_read))
        engine.end_pass()
        engine.feed(wanted.fraction, scaling.inverse)
    scaling.put_back()
    return losses[0]


def _clear_foreign(engine: Engine) -> None:
    """Clear gradients that stand before a closure's first pass and are not the last step's.

    They come of a `loss.backward()` before `step(closure)`, the form of other SAMs, and would be
    added to the closure's own. No error: they also stand where training is wrapped midway.
    """
    first = engine.bases.first_gradient()
    if first is not None and not (engine.left and engine.left.is_still(first)):
        gradients.clear(engine.bases.trainable()[0], not engine.ranks.may_be_buckets)


def _refuse_if_batch(engine: Engine, form: str) -> None:
    # Asked before the first pass of any step, so that the error does not depend on the draw.
    if engine.method.facts.needs_batch:
        raise RuntimeError(
            f"{form} can't serve this optimizer: it needs the batch in hand, to choose samples "
            "from it or to run it once more; use `for p in optimizer.passes(batch)`"
        )


def _resized(wanted: Pass, fraction: float | None) -> Pass:
    if fraction is None or wanted.phase != "ascent":
        return wanted
    return Pass("ascent", share("ascent_fraction", fraction))


def _call(engine: Engine, closure: Closure, name: str, must_read: bool) -> Any:
    engine.phase_was_read = False
    with torch.enable_grad():
        loss = closure()
    if loss is None:
        raise ValueError(
            f"{name} returned nothing; it must return the loss that it ran backward from"
        )
    if must_read and not engine.phase_was_read:
        raise RuntimeError(
            f"ascent_fraction={engine.part:g} runs the ascent pass on a part of "
            "the batch, but the closure never read optimizer.phase; take the part where it is "
            "'ascent', or give step(closure, ascent_closure=...)"
        )
    return loss


# Two lines ---------------------------------------------------------------------------------------


def will_ascend(engine: Engine) -> bool:
    """Whether the coming step leaves w; where it does, what a part-batch pass moves is noted."""
    acts = engine.method.acts(engine.counters.steps)
    if acts is None:
        raise RuntimeError(
            "will_ascend is not known before the pass: this optimizer decides by the gradient at "
            "w; call ascend() after backward(), or use step(closure) or passes()"
        )
    if engine.stage == "idle" and (not engine.asked or not engine.bases.any_gradient()):
        engine.asked = True
        if acts and engine.opening == "at w":
            engine._around.close()
            engine.noted = engine.guard.snapshot(engine.bases.trainable()[0])
            engine._around.enter_context(engine.ranks.during("ascent"))
    return acts


def ascend(
    engine: Engine, optimizer: Any, fraction: float | None, scaler: GradScaler | None
) -> bool:
    """After the pass at w: move to w + e if this step is sharpness-aware."""
    if engine.stage != "idle":
        engine.abandon()
        raise RuntimeError(
            "ascend() was called twice in one step; call it once, after the first backward(), and "
            "end the step with step(); and where a GradScaler skips steps, clear the gradients by "
            "optimizer.zero_grad(), not by the model's. The weights are back at w"
        )
    _check_two_lines(engine)
    require_scaled(scaler, optimizer, "ascend()")
    engine.scaled = scaler is not None
    if engine.opening == "moved":
        return _ascend_first(engine)
    engine.require_gradients()
    if engine.method.is_plain(engine.counters.steps):
        engine.stage = "told"
        engine.counters.count_pass(1.0)
        return False
    part, scaling = _fraction(engine, fraction), Scaling(scaler, engine.bases)
    try:
        return _ascend_after(engine, part, scaling)
    except BaseException:  # half done, it must not look like a step that has not begun
        engine.abandon()
        raise


def _ascend_first(engine: Engine) -> bool:
    if engine.bases.any_gradient():
        raise RuntimeError(
            f"{engine.method!r} perturbs before the first pass: call ascend() before backward(), "
            "with the gradients cleared"
        )
    acts = bool(engine.method.acts(engine.counters.steps))
    engine.stage = "ascended" if acts else "told"
    if not acts:
        return False
    try:
        engine.guard.begin(engine.open().params)
        engine.begin_pass(Pass("descent"))
        return True
    except BaseException:
        engine.abandon()
        raise


def _ascend_after(engine: Engine, fraction: float, scaling: Scaling) -> bool:
    whole = fraction == 1.0
    step = engine.open()
    engine.end_pass()
    engine.guard.begin(step.params)
    with engine.guard.around(whole, engine.noted):
        pass
    engine.feed(fraction, scaling.inverse)
    if engine.wanted is None:
        scaling.put_back()
        engine.stage = "told"
        return False
    engine.stage = "ascended"
    engine.begin_pass(engine.wanted)
    return True


def _fraction(engine: Engine, given: float | None) -> float:
    own = engine.part if engine.method.acts(engine.counters.steps) else 1.0
    fraction = own if given is None else share("fraction", given)
    if fraction < 1 and not engine.asked:
        raise RuntimeError(
            f"an ascent pass on a part of the batch (fraction={fraction:g}) is decided before the "
            "pass: read optimizer.will_ascend first, and run the part only where it is True"
        )
    return fraction


def _check_two_lines(engine: Engine) -> None:
    _refuse_if_batch(engine, "ascend()")
    form = ""
    if engine.opening == "mixed":
        form = "some steps of it begin at w and others do not"
    elif engine.ranks.per_rank and not engine.asked:
        form = "perturbation='per_rank' must be told before the pass: read will_ascend, which then "
        form += "keeps that pass from sending, or"
    elif engine.guard.rng == "same-mask":
        form = "rng='same-mask' must note the generators before the first pass"
    if form:
        raise RuntimeError(
            f"ascend() can't serve this optimizer: {form}; use step(closure) or passes()"
        )


def finish(engine: Engine) -> None:
    """`step()` without a closure: the end of the two-line form and of `passes`."""
    if engine.stage == "idle" and not engine.asked and engine.bases.initialises():
        engine.bases.step()
        engine.makes_room = True
        return
    try:
        _conclude(engine, None)
        engine.update()
    except BaseException:
        engine.abandon()
        raise


def conclude(engine: Engine, optimizer: Any, scaler: GradScaler | None) -> None:
    """Before `step()`: back at w, and the parameters hold what the base is to get."""
    require_scaled(scaler, optimizer, "conclude()")
    if engine.scaled and scaler is None:
        raise RuntimeError("ascend() was given a scaler; give conclude(scaler=...) the same one")
    try:
        _conclude(engine, scaler)
    except BaseException:
        engine.abandon()
        raise


def _conclude(engine: Engine, scaler: GradScaler | None) -> None:
    if engine.stage == "idle":
        _require_asked(engine)
        engine.require_gradients()
        engine.counters.count_pass(1.0)
    elif engine.stage == "ascended":
        scaling = Scaling(scaler, engine.bases)
        engine.end_pass()
        engine.feed(1.0, scaling.inverse)
        engine.weights.restore()
        scaling.put_back()
    elif engine.stage == "told" and engine.opening == "moved":
        engine.require_gradients()
        engine.counters.count_pass(1.0)
    engine.phase, engine.stage = "plain", "ready"


def _require_asked(engine: Engine) -> None:
    if engine.asked and not engine.method.acts(engine.counters.steps):
        return
    step = engine.counters.steps
    was_told = engine.asked
    engine.abandon()
    raise RuntimeError(
        f"step {step} is sharpness-aware, but ascend() was not called after will_ascend was True"
        if was_told
        else NEVER_ASKED
    )


NEVER_ASKED = (
    "step() was called without a closure, and ascend() was not called after backward(): the second "
    "pass would never happen. Write `if optimizer.ascend(): criterion(model(x), y).backward()` "
    "before step(), or use step(closure) or optimizer.passes(batch)"
)


def clear(engine: Engine, set_to_none: bool) -> None:
    """`zero_grad`: also how a step that a GradScaler skipped is recognised, and left at w."""
    skipped = engine.stage == "ascended" and engine.bases.any_gradient()
    if skipped or engine.stage in ("told", "ready"):
        engine.abandon()
    engine.bases.zero_grad(set_to_none)


# A loop over passes ------------------------------------------------------------------------------


def by_passes(
    engine: Engine, batch: Any, scaler: GradScaler | None, backward: Callable[[Tensor], Any] | None
) -> Iterator[BatchPass]:
    """The passes of one step, each at the weights that it is for; to be followed by `step()`."""
    run = backward or partial(_run_backward, scaler)
    if engine.begun:
        engine.give_way()
    params = [p for group in engine.bases.param_groups for p in group["params"]]
    gradients.clear(params, not engine.ranks.may_be_buckets)
    engine.stage, turn = "driving", engine.turn
    try:
        opened = engine.open()
        engine.guard.begin(opened.params)
        scaling, engine.scaled = Scaling(scaler, engine.bases), scaler is not None
        while engine.wanted is not None:
            source = engine.batch if engine.wanted.earlier else batch
            current = BatchPass(engine.wanted, source, run, engine.guard.model)
            engine.begin_pass(engine.wanted)
            yield current
            if engine.turn != turn:
                raise RuntimeError(GIVEN_UP)
            if not current.ran:
                raise RuntimeError(
                    f"the {current.phase} pass ended without p.backward(loss); call it once a pass"
                )
            engine.end_pass()
            engine.feed(current.fraction, scaling.inverse, current.losses)
        scaling.put_back()
        engine.kept_batch = batch if engine.method.facts.keeps_batch else None
        engine.stage = "ready"
    finally:  # perhaps much later, where a traceback has kept this loop alive: another step's then
        if engine.turn == turn and engine.stage != "ready":
            engine.abandon()


def _run_backward(scaler: GradScaler | None, loss: Tensor) -> None:
    torch.autograd.backward(loss if scaler is None else scaler.scale(loss))
