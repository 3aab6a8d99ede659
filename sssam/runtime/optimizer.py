"""The torch optimizer around a method: what loops, schedulers and checkpoints see."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from sssam.core.passes import Phase
from sssam.methods import Method
from sssam.runtime import calls, migration
from sssam.runtime.bases import Bases
from sssam.runtime.batch_loop import by_passes
from sssam.runtime.batch_pass import BatchPass
from sssam.runtime.closures import Closures, by_closure
from sssam.runtime.examine import require_for, require_no_checkpoint, require_of_model
from sssam.runtime.guard import Guard, Rng
from sssam.runtime.interface import Interface
from sssam.runtime.ranks import PerturbationScope, Ranks
from sssam.runtime.trainers import scaler_of
from sssam.runtime.training import TrainingState
from sssam.schedules.progress import Clock


class SharpnessAware(Interface):
    """Runs a method around any built torch optimizer, in anyone's loop.

    One step can be written in three ways::

        loss = optimizer.step(closure)          # closure: zero_grad, forward, backward, return loss

        criterion(model(x), y).backward()       # or two lines in a loop of one's own
        if optimizer.ascend():                  # now at w + e, gradients cleared
            criterion(model(x), y).backward()
        optimizer.step(); optimizer.zero_grad() # back at w exactly, then the base's update

        for p in optimizer.passes((x, y)):      # or pass by pass
            p.backward(criterion(model(p.x), p.y))
        optimizer.step()

    `param_groups`, `state` and `defaults` are the base optimizer's own.

    Args:
        base: a built torch optimizer, or a list of several, perturbed as one. Not LBFGS.
        method: a composition of `sssam.methods` and `sssam.roles`.
        total_steps: steps of the whole training, for `expected_propagations`; not always needed.
        model: the module that is trained. Its buffers (batch norm's running statistics, ...) end
            each step as after a plain step on the same batch. None warns once; False says that
            there are no such buffers.
        rng: "restore" (default): extra passes leave all random generators as they found them;
            "same-mask": moreover all passes of a step draw the same dropout masks.
        perturbation: on several ranks, "global" (default): one e, of the averaged gradient;
            "per_rank": each rank's own (m-sharpness), which saves the ascent pass's reduction;
            then `model` is the DistributedDataParallel module. Not where the update, a decision
            or what the method keeps rests on that pass, nor where there is none at w.

    Raises:
        TypeError: a base that is a class, wrapped already, LBFGS, or no optimizer.
        ValueError: an unknown `rng` or `perturbation`, one that the method can't have, an empty
            list, a parameter with two owners, sharded parameters without their module.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own: Any = vars(cls).get("__init__")
        if own is not None:
            cls.__init__ = migration.explained(cls, own)  # type: ignore[method-assign]

    def __init__(
        self,
        base: Optimizer | Iterable[Optimizer],
        method: Method,
        *,
        total_steps: int | None = None,
        model: nn.Module | Literal[False] | None = None,
        rng: Rng = "restore",
        perturbation: PerturbationScope = "global",
    ) -> None:
        # Not Optimizer.__init__: groups, state and step hooks are the base's, read through.
        bases, guard = Bases(base, SharpnessAware), Guard(model, rng)
        ranks = Ranks(perturbation, model, method)
        require_for(method, bases.all)
        require_of_model(bases.all, model)
        require_no_checkpoint(bases.all)
        guard.take_over()
        training = TrainingState(bases, method, guard, ranks, total_steps)
        self.__setstate__({"_training": training})

    # What happens in a step ----------------------------------------------------------------------

    def step(
        self,
        closure: Callable[[], Any] | None = None,
        *,
        ascent_closure: Callable[[], Any] | None = None,
        ascent_fraction: float | None = None,
        scaler: GradScaler | None = None,
    ) -> Any:
        """One step: all of it with a closure, else its end.

        Args:
            closure: runs zero_grad, forward and backward, and returns the loss. It is called once
                for each pass; `optimizer.phase` says which one it is. Gradients that another
                backward pass left before the first one are cleared.
            ascent_closure: is called for the ascent pass instead, say on a part of the batch.
            ascent_fraction: that part, in (0, 1]. Default: the constructor's; where both say 1, the
                ascent pass counts as a whole one, and batch norm's running statistics are its.
            scaler: of a closure that runs backward from `scaler.scale(loss)`. It then steps, or
                skips the step, inside this call; `scaler.update()` is still the loop's.

        Returns:
            The loss of the step's first pass with a closure, None without.

        Raises:
            RuntimeError: the step was never asked to ascend, or a pass brought no gradients.
            ValueError: the closure returned nothing.
        """
        if closure is not None:
            given = Closures(closure, ascent_closure, ascent_fraction, scaler)
            return by_closure(self._training, self, given)
        return calls.finish(self._training)

    def ascend(self, fraction: float | None = None, *, scaler: GradScaler | None = None) -> bool:
        """After `backward()` at w: move to w + e and clear the gradients, if this step asks for it.

        Args:
            fraction: the part of the batch that the pass at w used, in (0, 1]; a part must be
                decided before the pass, by `will_ascend`. Default: the constructor's.
            scaler: the `GradScaler` that the loss was scaled by. Needed by methods that use the
                gradient at w itself; right for all. Unscaling and clipping come after the second
                pass. Default: the trainer's, through Fabric's or Lightning's proxy; else none.

        Returns:
            True on a sharpness-aware step: run the second pass now. Either way `step()` comes next.

        Raises:
            RuntimeError: called twice in a step, without gradients, or for a method that the
                two-line form can't serve; the text names the form that can.
        """
        return calls.ascend(self._training, unwrap(self), fraction, scaler or scaler_of(self))

    def conclude(self, *, scaler: GradScaler | None = None) -> None:
        """After the last `backward()`, where a loop looks at gradients before `step()`.

        Back at w, and `.grad` is what the base optimizer gets, a mix included: so that it can be
        clipped or logged as a plain step's. `step()` does the same where this was not called.

        Args:
            scaler: the `GradScaler` that the losses were scaled by. Its unscaling comes after.
                Default: the trainer's, through Fabric's or Lightning's proxy; else none.

        Raises:
            RuntimeError: the step was never asked to ascend, the pass brought no gradients, or
                the scaler is missing or has unscaled them already.
        """
        calls.conclude(self._training, unwrap(self), scaler or scaler_of(self))

    @property
    def will_ascend(self) -> bool:
        """Whether the coming step leaves w; known before its first pass, the same on all ranks.

        Where a part of the batch follows, read it directly before that pass: buffers and random
        generators are put back to where they were at the last reading before the gradients. What
        a loader draws in between (augmentations, for a next micro-batch) would be drawn again:
        fetch all micro-batches of the step first.
        """
        return calls.will_ascend(self._training)

    @property
    def progress(self) -> float | None:
        """The progress u of the coming step, of which its schedule is a function; None if unknown.

        t / T, as long as `total_steps` counts it. A loop may set it instead, to u in [0, 1], never
        less than it was and the same on all ranks; it holds until it is set again. What is set
        after a step's first call is the next step's. To repeat a run whose progress came from
        elsewhere, log this before each step and set what was logged.

        Raises:
            TypeError: set on a method without a schedule.
            ValueError: set outside [0, 1], backwards, or where steps alone can count.
        """
        training = self._training
        steps = training.counters.steps
        u = None if training.progress is None else training.progress.peek(steps)
        if u is None and training.total_steps is not None:
            u = min(steps / training.total_steps, 1.0)
        return u

    @progress.setter
    def progress(self, given: float | Clock) -> None:
        if self._training.progress is None:
            raise TypeError(
                f"progress={given!r}: {self.method!r} has no schedule that it could move; use "
                "sssam.SSSAM, or give sssam.roles.Scheduled a progress=sssam.roles.Progress()"
            )
        self._training.progress.set(given)

    def passes(
        self,
        batch: Any,
        *,
        scaler: GradScaler | None = None,
        backward: Callable[[Tensor], Any] | None = None,
    ) -> Iterator[BatchPass]:
        """The passes of one step: run each with `p.backward(loss)` on `p.x`, `p.y` or `p.batch`.

        Args:
            batch: a tensor, or tuples, lists and dicts of tensors, samples along dimension 0.
            scaler: scales each loss that `p.backward` gets; `scaler.step(optimizer)` ends the step.
                Default: the trainer's, through Fabric's or Lightning's proxy; else none.
            backward: runs the backward pass from the mean loss, a scalar, in the place of torch's:
                a trainer's own, such as `fabric.backward` or `accelerator.backward`. Where there is
                a scaler, it is this function that scales.

        Yields:
            A `BatchPass`, with the weights standing where it is to be run. `step()` ends the step.
        """
        return by_passes(self._training, batch, scaler or scaler_of(self), backward)

    @property
    def phase(self) -> Phase:
        """Which pass is run now: "plain", "ascent" (at w) or "descent" (at w + e)."""
        self._training.phase_was_read = True
        return self._training.phase

    def restore(self) -> None:
        """Give up the step in progress: the weights are back at w, the update is not made.

        What an extra pass has moved since `will_ascend` or `ascend()`, buffers and random
        generators, is put back too.
        """
        self._training.give_up()

    def release(self) -> None:
        """Let the memory go that is kept for the copy of w, as large as the weights.

        On the host it is kept from step to step, since fresh memory takes longer than the copy.
        The next step that leaves w takes it anew: of use before an evaluation, or after the
        training. A step in progress is given up.
        """
        self._training.give_up()
        self._training.weights.release()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients; a step whose update was skipped is given up, back at w."""
        calls.zero_grad(self._training, set_to_none)

    def __repr__(self) -> str:
        inner = ", ".join(repr(base) for base in self.bases)
        return f"{type(self).__name__} ({self.method!r})\naround {inner}"


# Torch's own wrapping of step() would fire global hooks once more: they fire in the base's step.
SharpnessAware.step.hooked = True  # type: ignore[attr-defined]


def unwrap(optimizer: Any) -> SharpnessAware:
    """The sharpness-aware optimizer inside a trainer's proxy (Accelerate, Fabric, Lightning).

    Raises:
        TypeError: there is none.
    """
    seen = optimizer
    while True:
        parts = getattr(seen, "__dict__", {})
        inner = parts.get("_optimizer", parts.get("optimizer"))
        if inner is None:
            break
        seen = inner
    if not isinstance(seen, SharpnessAware):
        raise TypeError(f"there is no sharpness-aware optimizer inside {optimizer!r}")
    return seen
