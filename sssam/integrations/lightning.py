"""Lightning: a callback with which automatic optimisation is sharpness-aware throughout."""

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from functools import partial
from inspect import signature
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loops.optimization.automatic import Closure
from lightning.pytorch.loops.utilities import _block_parallel_sync_behavior
from lightning.pytorch.plugins.precision import MixedPrecision, Precision

from sssam.integrations.partial_batches import parts_of
from sssam.optimizers import SharpnessAware, unwrap
from sssam.runtime import unfinished

#: The ways to step that the callback takes over; a plugin with one of its own is refused.
SERVED = [kind.optimizer_step for kind in (Precision, MixedPrecision)]


class SharpnessAwareCallback(Callback):
    """Runs all of a step's micro-batches again at w + e, before Lightning unscales and clips.

    Lightning's precision plugin hands `optimizer.step` a closure that runs the last micro-batch and
    clips, or runs it itself and unscales. With this callback the plugin's `optimizer_step` runs the
    passes one after the other and goes back to w; then Lightning's hooks, unscaling, clipping and
    scaler find what they find after a plain step. What the second pass logs is dropped. With an
    `ascent_fraction` below 1, the pass at w takes the first samples of each micro-batch.

    >>> trainer = Trainer(
    ...     callbacks=[SharpnessAwareCallback()],
    ...     accumulate_grad_batches=2, gradient_clip_val=1.0,
    ...     accelerator="cpu", logger=False, enable_checkpointing=False,
    ... )

    Raises:
        ValueError: when training starts, for what it can't make right: no sharpness-aware
            optimizer, manual optimisation, a training_step that takes the loader's iterator, a
            precision plugin or a strategy that steps by itself.
    """

    def __init__(self) -> None:
        self._batches: list[tuple[Any, int]] = []
        self._part = 1.0  # of the samples, in the passes at w of this step
        self._model: LightningModule | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check that the run can be made right, and take over the plugin's `optimizer_step`."""
        _require_served(trainer, pl_module)
        self._model = pl_module
        plugin: Any = trainer.precision_plugin
        plugin.optimizer_step = partial(self._step, trainer, type(plugin).optimizer_step, plugin)
        automatic: Any = trainer.fit_loop.epoch_loop.automatic_optimization
        make = partial(type(automatic)._make_step_fn, automatic)
        automatic._make_step_fn = partial(self._first_pass, make)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Warn if training was stopped before its sharpness-aware steps."""
        unfinished.ended(unwrap(trainer.optimizers[0])._training)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the plugin and the loop as they were."""
        vars(trainer.precision_plugin).pop("optimizer_step", None)
        vars(trainer.fit_loop.epoch_loop.automatic_optimization).pop("_make_step_fn", None)
        self._batches, self._model = [], None

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Keep the micro-batch for the second pass; begin the step, or go on with it."""
        self._part, is_first = 1.0, batch_idx % trainer.accumulate_grad_batches == 0
        if is_first or trainer.fit_loop._skip_backward:
            self._batches = []
        if trainer.fit_loop._skip_backward:  # an epoch for batch norm's statistics alone: SWA's
            return
        self._batches.append((batch, batch_idx))
        optimizer = unwrap(trainer.optimizers[0])
        fraction = optimizer.method.facts.ascent_fraction
        if optimizer.method.facts.opening == "moved":
            _move(optimizer, is_first)
        elif fraction < 1 and optimizer.will_ascend:
            self._part = fraction

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Back to w, with what a part has moved put back: amid a step too, the trainer may now
        validate, save, and draw the next micro-batch.
        """
        unwrap(trainer.optimizers[0]).restore()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Back to w, before a checkpoint is saved of it; Lightning calls no teardown then."""
        if self._model is not None:  # what on_train_start has refused is no optimizer of ours
            unwrap(trainer.optimizers[0]).restore()
        self.teardown(trainer, pl_module, "fit")

    def _first_pass(self, lightnings: Callable[..., Any], kwargs: OrderedDict[str, Any]) -> Any:
        batch = kwargs["batch"]
        if self._part < 1:
            [batch], _ = parts_of([batch], self._part, self._model)
        elif isinstance(batch, MutableMapping | list):  # training_step may pop what is used again
            batch = copy.copy(batch)
        return lightnings(OrderedDict(kwargs, batch=batch))

    def _step(
        self,
        trainer: Trainer,
        lightnings: Callable[..., Any],
        plugin: Any,
        optimizer: SharpnessAware,
        model: LightningModule,
        closure: Callable[[], Any],
        **kwargs: Any,
    ) -> Any:
        if trainer.fit_loop._skip_backward:  # .grad is the last epoch's
            return closure()
        scaler = getattr(plugin, "scaler", None)

        def passes() -> Any:
            loss = closure()
            if _has_gradients(optimizer):
                moved = optimizer.method.facts.opening == "moved"
                if not moved and optimizer.ascend(self._fraction(), scaler=scaler):
                    self._run_again(trainer, optimizer)
                optimizer.conclude(scaler=scaler)
            return loss

        try:
            if scaler is not None:
                return lightnings(plugin, optimizer, model=model, closure=passes, **kwargs)
            loss = plugin._wrap_closure(model, optimizer, passes)
            if _has_gradients(optimizer):  # none where training_step returned None
                optimizer.step()
            return loss
        finally:
            optimizer.restore()  # what a skipped step or an exception leaves

    def _fraction(self) -> float | None:
        if self._part == 1:
            return None
        return parts_of([batch for batch, _ in self._batches], self._part, self._model)[1]

    def _run_again(self, trainer: Trainer, optimizer: SharpnessAware) -> None:
        self._part = 1.0
        loop = trainer.fit_loop.epoch_loop
        automatic = loop.automatic_optimization
        last = len(self._batches) - 1
        for i, (batch, batch_idx) in enumerate(self._batches):
            arguments = loop._build_kwargs(OrderedDict(), batch, batch_idx)
            run = Closure(
                automatic._make_step_fn(arguments), automatic._make_backward_fn(optimizer)
            )
            with (
                _silent(trainer.lightning_module),
                _block_parallel_sync_behavior(trainer.strategy, block=i < last),
            ):
                run()


def _move(optimizer: SharpnessAware, is_first: bool) -> None:
    """Move to w + e before each micro-batch; the gradients of those before it stay."""
    params = [p for group in optimizer.param_groups for p in group["params"]]
    grads = [None if is_first else p.grad for p in params]
    optimizer.zero_grad()
    optimizer.ascend()
    for p, grad in zip(params, grads, strict=True):
        p.grad = grad


@contextmanager
def _silent(module: LightningModule) -> Iterator[None]:
    # self.log of the second pass would be averaged with the first one's.
    vars(module)["log"] = _nothing
    try:
        yield
    finally:
        del vars(module)["log"]


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Take what is logged, and keep nothing."""


def _has_gradients(optimizer: SharpnessAware) -> bool:
    return any(p.grad is not None for group in optimizer.param_groups for p in group["params"])


def _require_served(trainer: Trainer, module: LightningModule) -> None:
    if not module.automatic_optimization:
        raise ValueError(
            "SharpnessAwareCallback is for automatic optimisation; in manual optimisation leave it "
            "out and write step(closure), or in 16-mixed the two lines with ascend()"
        )
    try:
        unwrap(trainer.optimizers[0])
    except TypeError as error:
        raise ValueError("configure_optimizers must return a sharpness-aware optimizer") from error
    plugin = trainer.precision_plugin
    by_itself = type(plugin).optimizer_step not in SERVED
    if by_itself or trainer.strategy.handles_gradient_accumulation:
        raise ValueError(
            f"{type(plugin).__name__} with {type(trainer.strategy).__name__} steps by itself; "
            "use another strategy or precision plugin: one device, DDP; mixed or true ones"
        )
    if "dataloader_iter" in signature(module.training_step).parameters:
        raise ValueError(
            "training_step(dataloader_iter) fetches its batches itself: the second pass would get "
            "others; take the batch as an argument"
        )
