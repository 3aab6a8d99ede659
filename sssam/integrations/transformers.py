"""Transformers: a `Trainer` whose steps are sharpness-aware."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
import transformers
from torch import nn
from torch.optim import Optimizer

from sssam.optimizers import SharpnessAware, unwrap

#: The base optimizer that Trainer built, the steps of the whole training, and the model.
Sharpness = Callable[[Optimizer, int, nn.Module], SharpnessAware]


class SharpnessAwareMixin(transformers.Trainer):
    """To be put before `Trainer` or one of its kin: each step runs its micro-batches at w + e too.

    Trainer calls `training_step` for each micro-batch and then clips, steps, schedules and saves.
    After the last of them this adds the pass at w + e and goes back to w, so that all of that finds
    what it finds after a plain step: the gradient that the base optimizer gets, at w.

    Args:
        sharpness: wraps the optimizer that `Trainer` builds from its arguments. Not needed where
            `optimizers=(a sharpness-aware optimizer, ...)` is given.
        *args, **kwargs: of the Trainer.

    Raises:
        TypeError: no sharpness-aware optimizer is given and none can be built.
        ValueError: `ascent_fraction` below 1, or DeepSpeed, which steps inside backward.
    """

    def __init__(self, *args: Any, sharpness: Sharpness | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sharpness = sharpness
        self._micro_batches: list[Any] = []
        if sharpness is None and not isinstance(self.optimizer, SharpnessAware):
            raise TypeError(
                "give sharpness=lambda base, total_steps, model: sssam.SSSAM(base, ...), "
                "or optimizers=(sssam.SSSAM(...), None)"
            )
        if self.is_deepspeed_enabled:
            raise ValueError("DeepSpeed runs the optimizer inside its backward; use DDP")

    def create_optimizer(self, model: nn.Module | None = None) -> Optimizer:
        """The optimizer that Trainer would make, wrapped by `sharpness`."""
        made = self.optimizer is None
        base = super().create_optimizer(model)
        if made and self.sharpness is not None:
            trained: Any = self.model
            self.optimizer = self.sharpness(base, self.state.max_steps, trained)
        optimizer = self._sharp
        part = optimizer.method.ascent_fraction
        if part < 1:
            raise ValueError(
                f"ascent_fraction={part:g}: Trainer runs whole micro-batches; use ascent_fraction=1"
            )
        return optimizer

    @property
    def _sharp(self) -> SharpnessAware:
        return unwrap(self.optimizer)

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        """The micro-batches of a step, which begins here."""
        self._micro_batches, items = super().get_batch_samples(*args, **kwargs)
        optimizer = self._sharp
        optimizer.restore()  # gives up what is left of a step that the scaler skipped
        if optimizer.method.opening == "moved":
            optimizer.ascend()
        return self._micro_batches, items

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """A micro-batch's pass at w; after the last one, the pass of all of them at w + e.

        Returns:
            The loss at w.
        """
        loss = super().training_step(model, inputs, num_items_in_batch)
        if self.accelerator.sync_gradients:
            optimizer, scaler = self._sharp, self.accelerator.scaler
            if optimizer.method.opening != "moved" and optimizer.ascend(scaler=scaler):
                for batch in self._again(model):
                    super().training_step(model, batch, num_items_in_batch)
            optimizer.conclude(scaler=scaler)
        return loss

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
