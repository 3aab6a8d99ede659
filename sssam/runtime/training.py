"""The state of a training: what changes from step to step, and the step in progress."""

import warnings
import weakref
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sssam.core.counters import Counters
from sssam.core.groups import base_step
from sssam.core.passes import NO_VECTOR, Phase, Step
from sssam.core.vectors import Vector, times
from sssam.core.weights import Weights
from sssam.methods import Method
from sssam.runtime import gradients
from sssam.runtime.bases import Bases
from sssam.runtime.current import Current, Stage
from sssam.runtime.guard import Guard
from sssam.runtime.outputs import Outputs
from sssam.runtime.ranks import Ranks, freshener
from sssam.runtime.step import NO_GRADIENTS, StepInProgress
from sssam.schedules import progress


class TrainingState:
    """All that changes while training, in one object that is never rebound.

    Trainers' proxies copy an optimizer's `__dict__`: what lives here stays shared with them.
    """

    def __init__(
        self,
        bases: Bases,
        method: Method,
        guard: Guard,
        ranks: Ranks,
        total_steps: int | None = None,
    ) -> None:
        self.bases, self.method, self.guard, self.ranks = bases, method, guard, ranks
        self.total_steps = total_steps
        self.progress = progress.of(method)
        self.counters = Counters()
        self.weights = Weights(freshener(guard.model, bases))
        self.memory: dict[Tensor, dict[str, Tensor]] = {}
        self.numbers: dict[str, float] = {}
        self.batch: Any = None
        self.left: gradients.Left | None = None
        self.outputs = Outputs(guard.model, self) if method.facts.needs_outputs else None
        self.makes_room = self.broken_off = self.phase_was_read = False
        self._warned_of_void = self._examined = False
        self.keeps_zeros = False
        self.current = Current()

    # The step in progress -------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """How far the step at hand has come."""
        return self.current.stage

    @property
    def step(self) -> StepInProgress | None:
        """The passes of the step at hand, once the first of them is wanted."""
        return self.current.step

    @property
    def phase(self) -> Phase:
        """Which pass is run now."""
        return "plain" if self.step is None else self.step.phase

    def begin(self, fraction: float | None = None, *, may_shrink: bool = False) -> StepInProgress:
        """Begin a step: it stands before its first pass. See `StepInProgress` for the arguments."""
        if self.memory:
            self._forget_replaced()
        self.guard.owner = weakref.ref(self)
        step = self.current.step = StepInProgress(self, fraction, may_shrink)
        try:
            step.start()
        except BaseException:
            self.give_up()
            raise
        return step

    def _forget_replaced(self) -> None:
        """Forget what was kept of parameters that others have taken the place of."""
        for p in self.memory.keys() - set(self.bases.params):
            del self.memory[p]

    def require_current(self, current: Current) -> None:
        """An error for a loop whose step was given up meanwhile."""
        if self.current is not current:
            raise RuntimeError(GIVEN_UP)

    def give_up(self, *, loaded: bool = False) -> None:
        """Give up the step in progress, if any: its passes stay counted, its update is not made.

        Args:
            loaded: whether weights, buffers and generators may have been loaded since it began,
                which are then kept. A step none of whose passes was run has moved none either.
        """
        if self.stage == "idle" and self.step is None and not self.weights.moved:
            self.forget_outputs()
            return
        self.broken_off |= self.stage == "updating"
        step, is_new = self.step, self.awaits_pass
        if step is not None:
            step.require_waiting()
        if loaded:
            self.weights.keep_written()
        try:
            if step is not None:
                step.drop(roll_back=not (loaded or is_new))
        finally:
            self.weights.restore()
            self._rest()

    def _rest(self) -> None:
        before, self.current = self.current, Current()
        before.end()
        self.forget_outputs()

    def offer(self) -> None:
        """A `GradScaler` is about to make the update, or to skip it: until then w is to stand."""
        self.weights.restore()
        self.current.offered = True

    def refuse_more(self) -> None:
        """All passes of the step are over: a further one is an error until the update."""
        self.current.refusal = gradients.refuse_more(self.bases.trainable()[0])

    def forget_outputs(self) -> None:
        """Forget what was noted of the outputs of a pass."""
        if self.outputs is not None:
            self.outputs.clear()

    @property
    def awaits_pass(self) -> bool:
        """Whether `will_ascend` was read, and no pass has been run since."""
        return self.stage == "asked" and not self.has_new_gradient()

    def note_gradients(self) -> None:
        """Note the gradients that stand, to tell them from those of a pass yet to be run."""
        standing = ((i, gradients.Left.of(g)) for i, g in enumerate(self.bases.gradients()))
        self.current.noted = {i: left for i, left in standing if left is not None}

    def has_new_gradient(self) -> bool:
        """Whether a pass has left a gradient since: one that stays in its place as 0 is none."""
        noted = self.current.noted
        return any(
            g is not None and not (i in noted and noted[i].is_still(g))
            for i, g in enumerate(self.bases.gradients())
        )

    def take(self, step: Step, places: Vector) -> Vector:
        """Take the gradients off the parameters, which leaves these clear for the next pass."""
        if not self._examined:
            gradients.require_plain_gradients(step.params)
            self._examined = True
        facts = self.method.facts
        gradient = gradients.take(step, places, not self.ranks.may_be_buckets)
        if (facts.binds_ranks or facts.keeps) and self.ranks.may_share_memory:
            return {i: part.clone() for i, part in gradient.items()}
        return gradient

    def require_gradients(self) -> None:
        """An error if no parameter has a gradient, after which a step would do nothing."""
        if not self.bases.any_gradient():
            gradients.require_plain_gradients(self.bases.trainable()[0])
            raise RuntimeError(NO_GRADIENTS)

    # The update -----------------------------------------------------------------------------------

    def update(self) -> None:
        """The base optimizer's update from w, and the end of the step."""
        self.bases.require_own_radii()
        step = self.step
        try:
            self.current.stage = "updating"
            self._set_out(step)
            self.bases.step()
            self._settle(step)
        except BaseException:
            self.broken_off = True
            raise
        finally:
            self._rest()
        self._look_back()

    def _set_out(self, step: StepInProgress | None) -> None:
        """Before the base's update: where it starts, noted where its way is to be known."""
        if step is None or step.update is None:
            return
        params = step.context.params
        if step.update.start:
            self.weights.shift(params, {**step.update.start})
        step.origin = {i: params[i].detach().clone() for i in step.update.stretch}

    def _settle(self, step: StepInProgress | None) -> None:
        """Correct and count an update that is made, and keep what its step leaves."""
        if step is not None and step.update is not None:
            self.correct(step)
            self._keep(step.context, step.update.kept)
            self.numbers |= step.update.numbers
            self.batch = step.batch
            self.counters.ascents += step.has_moved
        self.counters.steps += 1
        self.broken_off = False
        if self.progress is not None:
            self.progress.advance()

    def correct(self, step: StepInProgress | None) -> None:
        """The method's own part of the update, once the base's is made; nothing the second time."""
        if step is None or step.update is None or not (step.update.after or step.update.stretch):
            return
        update, params = step.update, step.context.params
        step.update = update._replace(after=NO_VECTOR, stretch=NO_VECTOR)
        with torch.no_grad():
            way = {i: params[i].detach() - step.origin[i] for i in update.stretch}
            further = times(way, {**update.stretch}, overwrite=True)
        after = base_step(update.after, step.context.groups)
        self.weights.shift(params, after.vector, after.factor)
        self.weights.shift(params, further)
        step.origin = {}

    def _keep(self, step: Step, kept: Mapping[str, Vector]) -> None:
        """Put what a step keeps in the place of what was kept before."""
        for name, x in kept.items():
            for p in list(self.memory):
                self.memory[p].pop(name, None)
                if not self.memory[p]:
                    del self.memory[p]
            for i, part in x.items():
                self.memory.setdefault(step.params[i], {})[name] = part

    def require_whole(self, call: str) -> None:
        """An error while the base's update is under way: what is saved then may be half of it."""
        if self.stage == "updating":
            raise RuntimeError(
                f"{call} was called while the base optimizer's update is under way, by a signal "
                "handler or a hook, and would save a part of it; let the handler set a flag, and "
                "save after step() has returned"
            )
        if self.broken_off:
            warnings.warn(
                f"sssam: {call} after the base optimizer's last update was broken off by an "
                "exception: weights and state may hold a part of it; take an earlier checkpoint",
                stacklevel=4,
            )

    # What is said once of a training --------------------------------------------------------------

    def _look_back(self) -> None:
        counters = self.counters
        if counters.ascents == VOID_FROM and counters.voided.device.type == "cpu":
            self.warn_if_void()
        if self.total_steps is None or counters.steps != self.total_steps + 1:
            return
        if self.progress is None or self.progress.peek(counters.steps) is None:
            warnings.warn(
                f"sssam: more steps are taken than total_steps={self.total_steps}; the schedule "
                "goes on with its last value. Was total_steps given in epochs, not steps?",
                stacklevel=4,
            )

    def warn_if_void(self) -> None:
        """Warn once if no perturbation of the run has ever moved the weights; synchronises."""
        ascents = self.counters.ascents
        if self._warned_of_void or ascents < VOID_FROM or int(self.counters.voided) < ascents:
            return
        self._warned_of_void = True
        warnings.warn(
            f"sssam: all {ascents} perturbations so far came to nothing, for their direction was "
            f"zero or not finite, so that {self.method!r} trains as the base optimizer does. "
            "For a direction without a pass at w, does the base optimizer keep what it is made of "
            "(MSAM: its momentum)? Otherwise, are the gradients finite?",
            stacklevel=3,
        )


#: So many ascents, all of them void, are no chance; where the count lies on an accelerator it is
#: looked at with the state dict, which reads it anyway.
VOID_FROM = 20

GIVEN_UP = (
    "this step was given up between its passes: restore(), state_dict(), another step "
    "or the like was called on the optimizer; call them before the first pass or after step()"
)
