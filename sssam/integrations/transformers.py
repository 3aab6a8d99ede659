"""Transformers: a `Trainer` whose steps are sharpness-aware."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
import transformers
from torch import nn
from torch.optim import Optimizer

from sssam.integrations.partial_batches import parts_of
from sssam.optimizers import SharpnessAware, unwrap
from sssam.runtime import unfinished

#: The base optimizer that Trainer built, the steps of the whole training, and the model.
Sharpness = Callable[[Optimizer, int, nn.Module], SharpnessAware]


class SharpnessAwareMixin(transformers.Trainer):
    """A mixin before `Trainer` or one of its kin: each step runs its micro-batches at w + e too.

    Trainer calls `training_step` for each micro-batch and then clips, steps, schedules and saves.
    After the last of them this adds the pass at w + e and goes back to w, so that all of that finds
    what it finds after a plain step: the gradient that the base optimizer gets, at w. With an
    `ascent_fraction` below 1, the pass at w takes the first samples of each micro-batch.

    Args:
        sharpness: wraps the optimizer that `Trainer` builds from its arguments; called at each
            start of a training, also where `auto_find_batch_size` starts again with other steps.
            Not needed where `optimizers=(a sharpness-aware optimizer, ...)` is given.
        *args, **kwargs: of the Trainer.

    Raises:
        TypeError: no sharpness-aware optimizer is given and none can be built.
        ValueError: DeepSpeed, which steps inside backward; `auto_find_batch_size` around an
            optimizer that is given, whose total_steps could not follow.
    """

    def __init__(self, *args: Any, sharpness: Sharpness | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sharpness = sharpness
        self._base: Optimizer | None = None
        self._micro_batches: list[Any] = []
        self._parts: list[tuple[Any, Any]] | None = None
        self._fraction: float | None = None
        if sharpness is None and not isinstance(self.optimizer, SharpnessAware):
            raise TypeError(
                "give sharpness=lambda base, total_steps, model: sssam.SSSAM(base, ...), "
                "or optimizers=(sssam.SSSAM(...), None)"
            )
        if self.is_deepspeed_enabled:
            raise ValueError("DeepSpeed runs the optimizer inside its backward; use DDP")
        if sharpness is None and self.args.auto_find_batch_size:
            raise ValueError(
                "auto_find_batch_size=True may start again with another number of steps, which "
                "the optimizer in optimizers= can't follow; give sharpness= instead"
            )

    def create_optimizer(self, model: nn.Module | None = None) -> Optimizer:
        """The optimizer that Trainer would make, wrapped by `sharpness` for this start's steps."""
        if self.optimizer is None and self.sharpness is not None:
            self._base = super().create_optimizer(model)
        if self._base is not None and self.sharpness is not None:
            if isinstance(self.optimizer, SharpnessAware):  # of a start that lacked memory
                unfinished.forget(self.optimizer._training)
            trained: Any = self.model
            self.optimizer = self.sharpness(self._base, self.state.max_steps, trained)
        return self._sharp

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train as Trainer does; warn if it was stopped before its sharpness-aware steps."""
        try:
            output = super().train(*args, **kwargs)
        except BaseException:  # between the micro-batches of a step that has moved first
            if isinstance(self.optimizer, Optimizer):
                self._sharp.restore()
            raise
        unfinished.ended(self._sharp._training)
        return output

    @property
    def _sharp(self) -> SharpnessAware:
        return unwrap(self.optimizer)

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        """The micro-batches of a step, which begins here."""
        self._micro_batches, items = super().get_batch_samples(*args, **kwargs)
        self._sharp.restore()  # gives up what is left of a step that the scaler skipped
        self._parts = None
        return self._micro_batches, items

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """A micro-batch's pass at w; after the last one, the pass of all of them at w + e.

        Returns:
            The loss at w, of the part of the micro-batch that was run there.
        """
        try:
            if self._parts is None:
                self._parts = self._begin()
            part = self._parts.pop(0) if self._parts else (inputs, num_items_in_batch)
            loss = super().training_step(model, *part)
            if self.accelerator.sync_gradients:
                self._end(model, num_items_in_batch)
            return loss
        except BaseException:
            self._sharp.restore()
            raise

    def _begin(self) -> list[tuple[Any, Any]]:
        # Here and not where the batches come: Trainer sets generators in between where it resumes.
        optimizer, self._fraction = self._sharp, None
        modes: Any = optimizer
        if hasattr(modes, "train"):  # a schedule-free base evaluates at other weights
            modes.train()
        if optimizer.method.facts.opening == "moved":
            optimizer.ascend()
        fraction = optimizer.method.facts.ascent_fraction
        if fraction == 1 or not optimizer.will_ascend:
            return []
        parts, self._fraction = parts_of(self._micro_batches, fraction, self.model)
        items = self._get_num_items_in_batch(parts, self.args.device)
        return [(part, items) for part in parts]

    def _end(self, model: nn.Module, items: Any) -> None:
        optimizer, scaler = self._sharp, self.accelerator.scaler
        moved = optimizer.method.facts.opening == "moved"
        if not moved and optimizer.ascend(self._fraction, scaler=scaler):
            for batch in self._again(model):
                super().training_step(model, batch, items)
        optimizer.conclude(scaler=scaler)

    def _again(self, model: nn.Module) -> Iterator[Any]:
        last = len(self._micro_batches) - 1
        for i, batch in enumerate(self._micro_batches):
            with self.accelerator.no_sync(model) if i < last else nullcontext():
                yield batch


class SharpnessAwareTrainer(SharpnessAwareMixin):
    """`transformers.Trainer` with `sharpness=`.

    >>> import sssam
    >>> def sharpness(base, total_steps, model):
    ...     ramp = sssam.schedules.linear(0, 1)
    ...     return sssam.SSSAM(base, schedule=ramp, total_steps=total_steps, model=model)
    >>> SharpnessAwareTrainer.__mro__[1:3] == (SharpnessAwareMixin, transformers.Trainer)
    True
    """
