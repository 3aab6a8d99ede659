"""The step in progress: one generator that runs its passes, in whichever form the loop is written.

Around each pass it moves the weights, guards buffers and generators, and keeps from sending what
must not be sent; after it, it counts, unscales, and feeds the method. The weights are back at w
after every backward pass and after any exception. A step is given up by dropping its generator.
"""

from collections.abc import Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from sssam.core.passes import Pass, Phase, Result, Step, Update
from sssam.core.vectors import Vector, scale_
from sssam.runtime import gradients
from sssam.runtime.guard import GivenUpError
from sssam.runtime.scaling import Scaling

if TYPE_CHECKING:
    from sssam.runtime.training import TrainingState


class Ran(NamedTuple):
    """What the loop says of a pass that it has run.

    Args:
        fraction: of the batch, in (0, 1].
        losses: of its samples, if it has them.
        scaling: by which its gradients are still scaled; None where they are not.
    """

    fraction: float
    losses: Tensor | None = None
    scaling: Scaling | None = None


class StepInProgress:
    """One step, from its first pass to the gradient that the base optimizer gets.

    Args:
        training: whose step it is.
        fraction: of the batch that the ascent pass takes, where the loop says another one than
            the method.
        may_shrink: whether the loop says so only when that pass has been run.

    Attributes:
        wanted: the pass that is to be run now; None when all are.
        update: what the method has returned, then.
        has_moved: whether the step has left w.
        batch: this step's, where the next one needs it.
        origin: where the base's update starts, as far as the method needs it.
    """

    def __init__(
        self, training: "TrainingState", fraction: float | None = None, may_shrink: bool = False
    ) -> None:
        self.training = training
        params, groups = training.bases.trainable()
        self.context = Step(
            training.counters.steps,
            params,
            groups,
            training.memory,
            training.numbers,
            training.bases.state_of,
            has_earlier=training.batch is not None,
            distinct_groups=training.bases.distinct_groups,
        )
        self.update: Update | None = None
        self.has_moved = False
        self.batch: Any = None
        self.origin: Vector = {}
        self._fraction, self._may_shrink = fraction, may_shrink
        self._places: Vector = {}
        self._had: set[int] = set()
        self._run: Any = self._passes()
        self.wanted: Pass | None = None

    def start(self) -> None:
        """Get ready for the first pass."""
        with torch.no_grad():
            self.wanted = next(self._run)

    @property
    def phase(self) -> Phase:
        """Which pass is run now; "plain" before and after all of them."""
        return "plain" if self.wanted is None else self.wanted.phase

    def end_pass(self, ran: Ran) -> Pass | None:
        """The pass that was wanted has been run; the next one, None after the last.

        Raises:
            RuntimeError: it has left no gradients, or something that could not be put back.
        """
        self.wanted = None
        try:
            with torch.no_grad():
                self.wanted = self._run.send(ran)
        except StopIteration:
            return None
        return self.wanted

    def require_waiting(self) -> None:
        """An error for a signal handler that calls while the step itself is at work.

        Raises:
            RuntimeError: with what to do instead.
        """
        if self._run.gi_running:
            raise RuntimeError(AMID)

    def drop(self, *, roll_back: bool) -> None:
        """Give the step up: back to w, and perhaps to the buffers and generators of before."""
        if not roll_back:
            self._run.close()
            return
        with suppress(GivenUpError), torch.no_grad():
            self._run.throw(GivenUpError())

    def _passes(self) -> Generator[Pass, Ran, None]:
        training = self.training
        rollback = training.guard.begin(self.context.params, may_shrink=self._may_shrink)
        method = training.method.passes(self.context)
        try:
            wanted = self._resized(next(method))
            while True:
                self._move(wanted)
                rollback.whole = wanted.whole
                with rollback, training.ranks.during(wanted.phase):
                    ran = yield wanted
                    if rollback.may_shrink:
                        rollback.whole, rollback.may_shrink = ran.fraction == 1.0, False
                wanted = self._resized(method.send(self._result(wanted, ran)))
                gradients.leave(self.context.params, self._places)
        except StopIteration as end:
            self.update = end.value
        except GeneratorExit:  # by the garbage collector too, long after: others may have trained
            training.weights.keep_written()
            raise
        finally:
            training.weights.restore()
            method.close()  # what it has hooked, where the step was given up
        self._hand_over(ran.scaling)

    def _resized(self, wanted: Pass) -> Pass:
        if self._fraction is None or wanted.phase != "ascent":
            return wanted
        return wanted._replace(fraction=self._fraction)

    def _move(self, wanted: Pass) -> None:
        if wanted.move is not None:
            self.has_moved = True
            vector, void, _, factor = wanted.move
            self.training.weights.move(self.context.params, vector, factor)
            vector.clear()
            self.training.counters.count_void(void)

    def _result(self, wanted: Pass, ran: Ran) -> Result:
        """Count a pass, take its gradients off, true ones and not scaled, and go back to w."""
        self.training.counters.count_pass(ran.fraction, wanted.backward)
        gradient = self.training.take(self.context, self._places)
        if not gradient and wanted.backward:
            raise RuntimeError(NO_GRADIENTS)
        if self.training.outputs is not None:
            self.training.outputs.require_seen(wanted.derivative)
        if self.training.keeps_zeros:
            self._had |= gradient.keys()
        if wanted.backward:
            self.training.weights.restore()
        inverse = None if ran.scaling is None else ran.scaling.inverse
        return Result(gradient if inverse is None else scale_(gradient, inverse), ran.losses)

    def _hand_over(self, scaling: Scaling | None) -> None:
        """Put the update's gradient where the base optimizer looks, and scale it as it was."""
        if self.update is not None:
            if self.training.keeps_zeros:
                gradients.fill(self.update.gradient, self._had, self.context.params)
            gradients.put(self.update.gradient, self.context, self._places)
        if scaling is not None:
            scaling.put_back()


AMID = (
    "a signal handler called the optimizer while a step was at work between its passes; let the "
    "handler set a flag, and look at it after step()"
)
NO_GRADIENTS = (
    "a pass brought no gradients: call loss.backward() before ascend() and again before step(), or "
    "inside the closure, on a loss that depends on this optimizer's parameters"
)
