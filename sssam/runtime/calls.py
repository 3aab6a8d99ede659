"""The third form of a step: single calls in a loop of one's own, and what each does at each stage.

| stage | ascend() | conclude(), step() | zero_grad() |
|---|---|---|---|
| idle | ends the pass at w | error: it was not asked to ascend | |
| asked | ends the pass at w | ends a plain pass; error on a sharpness-aware step | |
| at w | error: called twice | | gives the step up |
| at w + e | error: called twice | ends the pass at w + e | gives it up if it was run: skipped |
| ready | error: called twice | | gives the step up |
| running | error: called twice | error: its passes are not over | |

`conclude()` leaves the stage "ready", and `step()` does what it does and makes the update. A method
that moves before its first pass has `ascend()` before it. `will_ascend` begins a step, or begins it
again as long as no pass has been run; `step(closure)`, `passes()`, `restore()`, `state_dict()` and
the like give up what has begun, but `passes()` is an error at "ready". At w a further backward pass
is one, where `ascend()` has returned False.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch.amp import GradScaler

from sssam.core.checks import share
from sssam.runtime.current import Stage
from sssam.runtime.scaling import Scaling, require_scaled
from sssam.runtime.step import NO_GRADIENTS, Ran, StepInProgress
from sssam.runtime.training import TrainingState


def will_ascend(training: TrainingState) -> bool:
    """Whether the coming step leaves w. Reading it begins the step, which notes what a pass moves.

    Read again before the pass, it is begun again: a loader may have drawn numbers in between.
    """
    acts = training.method.acts(training.counters.steps)
    if acts is None:
        raise RuntimeError(
            "will_ascend is not known before the pass: this optimizer decides by the gradient at "
            "w; call ascend() after backward(), or use step(closure) or passes()"
        )
    if training.stage == "idle" or training.awaits_pass:
        training.give_up()
        if acts and training.method.facts.opening == "at w":
            training.begin(may_shrink=True)
        training.current.stage = "asked"
        training.note_gradients()
    return acts


def ascend(
    training: TrainingState, optimizer: Any, fraction: float | None, scaler: GradScaler | None
) -> bool:
    """After the pass at w: move to w + e if this step is sharpness-aware."""
    if training.stage not in ("idle", "asked"):
        training.give_up()
        raise RuntimeError(
            "ascend() was called twice in one step; call it once, after the first backward(), and "
            "end the step with step(); and where a GradScaler skips steps, clear the gradients by "
            "optimizer.zero_grad(), not by the model's. The weights are back at w"
        )
    _check_two_lines(training)
    require_scaled(scaler, optimizer, "ascend()")
    given = None if fraction is None else share("fraction", fraction)
    try:
        acts = (
            _move_first(training)
            if training.method.facts.opening == "moved"
            else _end_first(training, given, Scaling.of(scaler, training.bases))
        )
        if acts:
            training.note_gradients()
        elif training.method.facts.opening != "moved":
            training.refuse_more()
    except BaseException:
        training.give_up()
        raise
    training.current.scaled = scaler is not None
    return acts


def _move_first(training: TrainingState) -> bool:
    if training.bases.any_gradient():
        raise RuntimeError(
            f"{training.method!r} perturbs before the first pass: call ascend() before backward(), "
            "with the gradients cleared"
        )
    if not training.method.acts(training.counters.steps):
        training.current.stage = "asked"
        return False
    training.begin()
    training.current.stage = "at w + e"
    return True


def _end_first(training: TrainingState, fraction: float | None, scaling: Scaling | None) -> bool:
    training.require_gradients()
    ran = Ran(_fraction(training, fraction), scaling=scaling)
    if training.method.is_plain(training.counters.steps):
        training.counters.count_pass(1.0)
        training.current.stage = "at w"
        return False
    moved = _begun(training, ran.fraction).end_pass(ran) is not None
    training.current.stage = "at w + e" if moved else "at w"
    return moved


def _begun(training: TrainingState, fraction: float) -> StepInProgress:
    """The step that `will_ascend` began, or a new one where none is, or where others are trained.

    Raises:
        RuntimeError: the parameters have changed since, and what that pass moved was noted for
            those of before.
    """
    step = training.step
    if step is None or step.context.params is training.bases.trainable()[0]:
        return step or training.begin()
    if fraction < 1 or training.ranks.per_rank:
        raise RuntimeError(
            "parameters were frozen, thawed, added or replaced after will_ascend was read; read it "
            "again before the pass"
        )
    step.drop(roll_back=False)
    return training.begin()


def _fraction(training: TrainingState, given: float | None) -> float:
    """The part of the batch that the pass at w took; its errors must not wait for a draw."""
    step = training.counters.steps
    fraction = training.method.facts.ascent_fraction if given is None else given
    if fraction < 1 and training.stage != "asked":
        raise RuntimeError(
            f"an ascent pass on a part of the batch (fraction={fraction:g}) is decided before the "
            "pass: read optimizer.will_ascend first, and run the part only where it is True"
        )
    if training.method.acts(step):
        return fraction
    if given is not None and given < 1:
        raise RuntimeError(
            f"ascend(fraction={given:g}) at step {step}, which is not sharpness-aware: its only "
            "pass takes the whole batch; run a part of it only where optimizer.will_ascend is True"
        )
    return 1.0


def require_batch_form(training: TrainingState, form: str) -> None:
    """An error for a form without the batch in hand, whatever is drawn for this step."""
    if training.method.facts.needs_batch:
        raise RuntimeError(
            f"{form} can't serve this optimizer: it needs the batch in hand, to choose samples "
            "from it or to run it once more; use `for p in optimizer.passes(batch)`"
        )


def _check_two_lines(training: TrainingState) -> None:
    require_batch_form(training, "ascend()")
    form = ""
    if training.method.facts.opening == "mixed":
        form = "some steps of it begin at w and others do not"
    elif training.method.facts.most_passes > 2:
        form = f"its steps have {training.method.facts.most_passes} passes, and two lines run two"
    elif training.ranks.per_rank and training.stage != "asked":
        form = (
            "perturbation='per_rank' must be known before the pass, as it is once will_ascend is "
        )
        form += "read, which keeps that pass from sending"
    elif training.guard.rng == "same-mask" and training.stage != "asked":
        form = "rng='same-mask' must note the generators before the first pass, as it does once "
        form += "will_ascend is read"
    if form:
        raise RuntimeError(
            f"ascend() can't serve this optimizer: {form}; use step(closure) or passes()"
        )


# The end of a step --------------------------------------------------------------------------------


def finish(training: TrainingState) -> None:
    """`step()` without a closure: `conclude`, and the update."""
    if training.stage == "idle" and training.bases.initialises():
        training.bases.step()
        training.makes_room = True
        return
    try:
        END[training.stage](training, None)
        training.current.stage = "ready"
        training.update()
    except BaseException:
        training.give_up()
        raise


def conclude(training: TrainingState, optimizer: Any, scaler: GradScaler | None) -> None:
    """Before `step()`: back at w, and the parameters hold what the base is to get."""
    require_scaled(scaler, optimizer, "conclude()")
    if training.current.scaled and scaler is None:
        raise RuntimeError("ascend() was given a scaler; give conclude(scaler=...) the same one")
    try:
        END[training.stage](training, Scaling.of(scaler, training.bases))
        training.current.stage = "ready"
    except BaseException:
        training.give_up()
        raise


def _refuse_unasked(training: TrainingState, scaling: Scaling | None) -> None:
    raise RuntimeError(
        "step() without a closure, or conclude(), was called, and ascend() was not called after "
        "backward(): the second pass would never happen. Write `if optimizer.ascend(): "
        "criterion(model(x), y).backward()` before it, or use step(closure) or "
        "optimizer.passes(batch). If it was called, the step has been given up since: restore(), "
        "state_dict(), sssam.save() and the like belong before the first pass or after step()"
    )


def _end_plain(training: TrainingState, scaling: Scaling | None) -> None:
    step = training.counters.steps
    if training.method.acts(step):
        raise RuntimeError(
            f"step {step} is sharpness-aware, but ascend() was not called after will_ascend was "
            "True"
        )
    training.require_gradients()
    if training.method.is_plain(step):
        training.counters.count_pass(1.0)
    else:
        training.begin().end_pass(Ran(1.0, scaling=scaling))


def _end_second(training: TrainingState, scaling: Scaling | None) -> None:
    if not training.has_new_gradient():
        raise RuntimeError(NO_GRADIENTS)
    if training.step is not None:
        training.step.end_pass(Ran(1.0, scaling=scaling))


def _nothing(training: TrainingState, scaling: Scaling | None) -> None:
    """All passes have been ended."""


def _refuse_amid(training: TrainingState, scaling: Scaling | None) -> None:
    raise RuntimeError(
        "step() without a closure, or conclude(), was called amid the passes of a step; call it "
        "after the loop over optimizer.passes(batch), and not within a closure"
    )


#: What is left to do before the update.
END: Mapping[Stage, Callable[[TrainingState, Scaling | None], None]] = {
    "idle": _refuse_unasked,
    "asked": _end_plain,
    "at w": _nothing,
    "at w + e": _end_second,
    "ready": _nothing,
    "running": _refuse_amid,
    "updating": _refuse_amid,
}


def zero_grad(training: TrainingState, set_to_none: bool) -> None:
    """Clear the gradients; a step that a GradScaler skipped is recognised here, and given up."""
    skipped = training.stage == "at w + e" and training.has_new_gradient()
    if skipped or training.stage in ("at w", "ready"):
        training.give_up()
    training.bases.zero_grad(set_to_none)
    training.keeps_zeros = not set_to_none
    if training.stage in ("idle", "asked"):
        training.forget_outputs()
    if training.stage in ("asked", "at w + e"):
        training.note_gradients()
