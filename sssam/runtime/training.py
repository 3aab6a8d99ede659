"""The state of a training and of the step in progress; what the three forms of driving it share."""

import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Literal

from torch import Tensor

from sssam.core.counters import Counters
from sssam.core.groups import step_length
from sssam.core.passes import NO_VECTOR, Pass, Passes, Phase, Result, Step, Update
from sssam.core.vectors import Vector, scale_
from sssam.core.weights import Weights
from sssam.methods import Method
from sssam.runtime import gradients
from sssam.runtime.bases import Bases
from sssam.runtime.guard import Guard, Snapshot
from sssam.runtime.ranks import Ranks, freshener
from sssam.schedules import progress

#: How far a step has come: not begun; the loop knows that w is not left (or no more); it stands at
#: w + e; all its passes are run; a closure or `passes` is at work; the base's update is under way,
#: made, and booked.
Stage = Literal["idle", "told", "ascended", "ready", "driving", "updating", "updated", "settled"]


class Engine:
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
        self.part, self.opening = method.facts.ascent_fraction, method.facts.opening
        self.counters = Counters()
        self.weights = Weights(freshener(guard.model, bases))
        self.memory: dict[Tensor, dict[str, Tensor]] = {}
        self.makes_room = False
        self.numbers: dict[str, float] = {}
        self.batch: Any = None
        self.phase: Phase = "plain"
        self.phase_was_read = False
        self._around = ExitStack()
        self.stage: Stage = "idle"
        self.broken_off = self.warned_of_void = self.examined = False
        self.left: gradients.Left | None = None
        self.turn = 0
        self._forget()

    def abandon(self) -> None:
        """Back to w, and to before this step: its passes stay counted, its update is not made.

        A step whose update is made already is ended instead. Interrupted, it can be called again.
        """
        self.turn += 1  # a loop over passes that was left for good must not touch a later step
        if self.stage == "updated":
            self._settle()
            return
        self.broken_off |= self.stage == "updating"
        self.weights.restore()
        self.end_pass()
        self._rest()

    def give_way(self, *, loaded: bool = False) -> None:
        """`abandon` for another call's sake, which must not take back what is no trace of a pass.

        Args:
            loaded: whether weights, buffers and generators may have been loaded since.
        """
        if loaded:
            self.guard.end(loaded=True)
            self.weights.keep_written()
        self.abandon()

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

    @property
    def begun(self) -> bool:
        """Whether anything of a step is left to be given up."""
        return self.stage != "idle" or self.asked

    def _rest(self) -> None:
        # A plain step of a closure has touched nothing else. Idle comes last, after an interrupt
        # between which all of it is done again; as in `_forget`, what is asked for above.
        if self.step is not None or self.asked or self.scaled:
            self._forget()
        self.stage = "idle"

    def _forget(self) -> None:
        self.phase = "plain"
        self.wanted: Pass | None = None
        self._passes: Passes | None = None
        self._around.close()
        self.guard.end()
        self.noted: Snapshot | None = None
        self.asked = self.scaled = False
        self.step: Step | None = None
        self.result: Update | None = None
        self.kept_batch: Any = None
        self.left_w = False
        self._places: Vector = {}

    def begin_pass(self, wanted: Pass) -> None:
        """Before a pass: what it may leave behind, and what it sends to other ranks."""
        self.phase = wanted.phase
        self._around.enter_context(self.guard.around(wanted.whole))
        self._around.enter_context(self.ranks.during(wanted.phase))

    def end_pass(self) -> None:
        """After a pass: put back what it must not have changed."""
        self._around.close()

    def open(self) -> Step:
        """Begin a step: the method runs up to its first pass."""
        params, groups = self.bases.trainable()
        self._let_go()
        self.step = Step(
            self.counters.steps,
            params,
            groups,
            self.memory,
            self.numbers,
            self.bases.state_of,
            has_earlier=self.batch is not None,
        )
        self._passes = self.method.passes(self.step)
        self._await(next(self._passes))
        return self.step

    def _await(self, wanted: Pass) -> None:
        self.wanted = wanted
        if wanted.move is not None and self.step is not None:
            self.left_w = True
            self.weights.move(self.step.params, wanted.move.e)
            wanted.move.e.clear()
            self.counters.count_void(wanted.move.void)

    def _let_go(self) -> None:
        """Forget what was kept of parameters that others have taken the place of."""
        if self.memory:
            owned = {p for group in self.bases.param_groups for p in group["params"]}
            for p in [p for p in self.memory if p not in owned]:
                del self.memory[p]

    def warn_if_void(self) -> None:
        """Warn once if no perturbation of the run has ever moved the weights; synchronises."""
        ascents = self.counters.ascents
        if self.warned_of_void or ascents < VOID_FROM or int(self.counters.voided) < ascents:
            return
        self.warned_of_void = True
        warnings.warn(
            f"sssam: all {ascents} perturbations so far came to nothing, for their direction was "
            f"zero or not finite, so that {self.method!r} trains as the base optimizer does. "
            "For a direction without a pass at w, does the base optimizer keep what it is made of "
            "(MSAM: its momentum)? Otherwise, are the gradients finite?",
            stacklevel=3,
        )

    def take(self) -> Vector:
        """Take the gradients off the parameters, which leaves these clear for the next pass."""
        if self.step is None:
            return {}
        if not self.examined:
            self._examine()
        keeps = not self.ranks.may_be_buckets
        gradient = gradients.take(self.step.params, self.step.groups, self._places, keeps)
        if self.ranks.may_share_memory and (
            self.method.facts.binds_ranks or self.method.facts.keeps
        ):
            return {i: part.clone() for i, part in gradient.items()}
        return gradient

    def _examine(self) -> None:
        try:
            gradients.require_plain_gradients(self.bases.trainable()[0])
        except RuntimeError:
            self.abandon()
            raise
        self.examined = True

    def feed(
        self, fraction: float, unscale: Tensor | None = None, losses: Tensor | None = None
    ) -> None:
        """Book a pass and send its gradient to the method, which asks for another or ends.

        Methods see true gradients: `unscale`, 1 / S, takes a GradScaler's scale S off them.
        """
        if self.wanted is None or self._passes is None:
            raise RuntimeError(GIVEN_UP)
        self.counters.count_pass(fraction, self.wanted.backward)
        gradient = self.take()
        if not gradient and self.wanted.backward:
            self.abandon()
            raise RuntimeError(NO_GRADIENTS)
        if unscale is not None:
            gradient = scale_(gradient, unscale)
        if self.wanted.backward:
            self.weights.restore()
        result = Result(gradient, losses)
        del gradient
        try:
            self._await(self._passes.send(result))
        except StopIteration as end:
            self.wanted = None
            self._hand_over(end.value)

    def _hand_over(self, update: Update) -> None:
        self.result = update
        if self.step is not None:
            gradients.put(update.gradient, self.step.params, self.step.groups, self._places)

    def require_gradients(self) -> None:
        """An error if no parameter has a gradient, after which a step would do nothing."""
        if not self.bases.any_gradient():
            self._examine()
            self.abandon()
            raise RuntimeError(NO_GRADIENTS)

    def update(self) -> None:
        """The base optimizer's update from w, and the end of the step."""
        if self.step is not None:
            self.weights.restore()
        self.bases.require_own_radii()
        self.stage = "updating"
        self.bases.step()
        self.stage = "updated"
        self._settle()
        if self.progress is not None:
            self.progress.advance()
        if self.counters.ascents == VOID_FROM and self.counters.voided.device.type == "cpu":
            self.warn_if_void()
        counts = self.progress is None or self.progress.peek(self.counters.steps) is None
        if counts and self.total_steps is not None and self.counters.steps == self.total_steps + 1:
            warnings.warn(
                f"sssam: more steps are taken than total_steps={self.total_steps}; the schedule "
                "goes on with its last value. Was total_steps given in epochs, not steps?",
                stacklevel=4,
            )

    def _settle(self) -> None:
        """Count an update that is made, and keep what it leaves."""
        step, counters = self.step, self.counters
        if step is not None and self.result is not None:
            self.correct()
            self.weights.settle()
            self._keep(step, self.result.kept)
            self.numbers |= self.result.numbers
            self.batch = self.kept_batch
        self.broken_off = False
        # One line without a call, so that no signal handler runs between its parts.
        counters.steps, counters.ascents, self.stage = (
            counters.steps + 1,
            counters.ascents + self.left_w,
            "settled",
        )
        self._rest()

    def _keep(self, step: Step, kept: Mapping[str, Vector]) -> None:
        """Put what a step keeps in the place of what was kept before."""
        for name, x in kept.items():
            for p in list(self.memory):
                self.memory[p].pop(name, None)
                if not self.memory[p]:
                    del self.memory[p]
            for i, part in x.items():
                self.memory.setdefault(step.params[i], {})[name] = part

    def correct(self) -> None:
        """The method's own part of the update, once the base's is made; nothing the second time."""
        step, result = self.step, self.result
        if step is not None and result is not None and result.after:
            e = {i: part * -step_length(step.groups[i]) for i, part in result.after.items()}
            self.weights.move(step.params, e)
            self.result = result._replace(after=NO_VECTOR)


#: So many ascents, all of them void, are no chance; where the count lies on an accelerator it is
#: looked at with the state dict, which reads it anyway.
VOID_FROM = 20

GIVEN_UP = (
    "this step was given up between its passes: restore(), state_dict(), another step "
    "or the like was called on the optimizer; call them before the first pass or after step()"
)


NO_GRADIENTS = (
    "a pass brought no gradients: call loss.backward() before ascend() and again before step(), or "
    "inside the closure, on a loss that depends on this optimizer's parameters"
)
