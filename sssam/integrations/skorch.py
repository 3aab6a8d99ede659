"""skorch: an estimator that trains sharpness-aware, also inside scikit-learn's searches."""

from collections.abc import Callable
from typing import Any

from skorch import (  # type: ignore[import-untyped]
    NeuralNet,
    NeuralNetClassifier,
    NeuralNetRegressor,
)
from torch import nn
from torch.optim import Optimizer

from sssam.integrations.partial_batches import parts_of
from sssam.optimizers import SharpnessAware
from sssam.runtime import unfinished


class SharpnessAwareMixin(NeuralNet):  # type: ignore[misc]
    """A mixin before skorch's `NeuralNet`, or one of its kin: each batch is a whole step.

    The two passes stand where skorch's one pass stood, and `on_grad_computed` is called once a
    step, with the gradient that the base optimizer gets: so `GradientNormClipping` clips as it
    would.

    Args:
        sharpness: the base optimizer that skorch built, and the module, to a sharpness-aware
            optimizer around it. A function that can be pickled, where jobs run in parallel.
        *args, **kwargs: of the skorch class.

    Raises:
        ValueError, TypeError: at the first step, for several optimizers, or a proxy around ours.
    """

    def __init__(
        self,
        module: Any,
        *args: Any,
        sharpness: Callable[[Optimizer, nn.Module], SharpnessAware],
        **kwargs: Any,
    ) -> None:
        super().__init__(module, *args, **kwargs)
        self.sharpness = sharpness

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> Any:
        """Build the base optimizer as skorch does, and wrap it."""
        super().initialize_optimizer(*args, **kwargs)
        base: Any = self.optimizer_
        self.optimizer_: SharpnessAware = self.sharpness(base, self.module_)
        return self

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Fit as skorch does; warn if it was stopped before its sharpness-aware steps."""
        super().fit(*args, **kwargs)
        unfinished.ended(self.optimizer_._training)
        return self

    def train_step(self, batch: Any, **fit_params: Any) -> Any:
        """One step: one or two passes, the gradient callbacks, the update.

        Returns:
            skorch's dict of "loss" and "y_pred", of the pass at w; where that takes a part of the
            batch, of the one at w + e, since skorch scores whole batches.
        """
        if len(self._optimizers) > 1:
            raise ValueError(
                f"{len(self._optimizers)} optimizers: the second pass would double the gradients "
                "of the others; give sharpness= one wrapper around a list of them"
            )
        optimizer = self.optimizer_
        if not isinstance(optimizer, SharpnessAware):  # AccelerateMixin's proxy, above all
            raise TypeError(
                f"optimizer_ is a {type(optimizer).__name__}, not what sharpness= has made: leave "
                "AccelerateMixin out, or write a loop of your own for Accelerate"
            )
        optimizer.zero_grad()
        try:
            step = self._run(optimizer, batch, **fit_params)
            optimizer.step()
        except BaseException:  # skorch takes an interrupt for the end of the training
            optimizer.restore()
            raise
        return step

    def _run(self, optimizer: SharpnessAware, batch: Any, **fit_params: Any) -> Any:
        if optimizer.method.facts.opening == "moved":
            optimizer.ascend()
            step = self.train_step_single(batch, **fit_params)
        else:
            step = self._passes(optimizer, batch, **fit_params)
        optimizer.conclude()
        named = list(self.get_all_learnable_params())
        self.notify("on_grad_computed", named_parameters=named, batch=batch, training=True)
        return step

    def _passes(self, optimizer: SharpnessAware, batch: Any, **fit_params: Any) -> Any:
        fraction, part = optimizer.method.facts.ascent_fraction, batch
        partial = fraction < 1 and optimizer.will_ascend
        if partial:
            [part], fraction = parts_of([batch], fraction, self.module_)
        step = self.train_step_single(part, **fit_params)
        if optimizer.ascend(fraction if partial else None):
            again = self.train_step_single(batch, **fit_params)
            return again if partial else step
        return step


class SharpnessAwareClassifier(SharpnessAwareMixin, NeuralNetClassifier):  # type: ignore[misc]
    """skorch's `NeuralNetClassifier` with `sharpness=`."""


class SharpnessAwareRegressor(SharpnessAwareMixin, NeuralNetRegressor):  # type: ignore[misc]
    """skorch's `NeuralNetRegressor` with `sharpness=`."""
