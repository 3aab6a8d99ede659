"""Batches of any nesting of tensors: their size, and some of their samples."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from sssam.core.passes import Pass


def size(batch: Any) -> int:
    """The number of samples: the length of the first tensor that has one; 0 if there is none."""
    if isinstance(batch, Tensor):
        return len(batch) if batch.ndim else 0
    parts = batch.values() if isinstance(batch, Mapping) else batch
    if isinstance(parts, str) or not hasattr(parts, "__iter__"):
        return 0
    return next((n for n in map(size, parts) if n), 0)


def take(batch: Any, which: slice | Tensor, n: int) -> Any:
    """The batch with each tensor of n samples cut to some of them; everything else as it is."""
    if isinstance(batch, Tensor):
        if not batch.ndim or len(batch) != n:
            return batch
        return batch[which.to(batch.device) if isinstance(which, Tensor) else which]
    if isinstance(batch, Mapping):
        parts = {key: take(value, which, n) for key, value in batch.items()}
        return type(batch)(parts)  # type: ignore[call-arg]
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(take(value, which, n) for value in batch))
    if isinstance(batch, tuple | list):
        return type(batch)(take(value, which, n) for value in batch)
    return batch


class BatchPass:
    """One pass of `optimizer.passes(batch)`: the samples to run, and where the loss goes.

    Attributes:
        phase: "plain", "ascent", "descent" or "scores".
        batch: the batch, or the part of it that this pass asks for.
        x, y: its first and its second element.
        fraction: the part of the samples that it is, k / n.
        grad: False on a pass without a backward one; forward it under `set_grad_enabled(p.grad)`.
    """

    def __init__(self, wanted: Pass, batch: Any, run: Callable[[Tensor], object]) -> None:
        self._run, self._wanted = run, wanted
        self.phase, self.grad = wanted.phase, wanted.backward
        self.batch, self.fraction = batch, 1.0
        self.losses: Tensor | None = None
        self.ran = False
        if wanted.samples is not None or wanted.fraction != 1.0:
            self._cut(_counted(batch, wanted))

    def _cut(self, n: int) -> None:
        chosen = self._wanted.samples
        k = max(1, round(self._wanted.fraction * n)) if chosen is None else len(chosen)
        self.batch = take(self.batch, slice(k) if chosen is None else chosen, n)
        self.fraction = k / n

    @property
    def x(self) -> Any:
        """The batch's first element."""
        return self.batch[0]

    @property
    def y(self) -> Any:
        """The batch's second element."""
        return self.batch[1]

    def backward(self, loss: Tensor) -> None:
        """Run the backward pass, where this pass has one; to be called exactly once.

        Args:
            loss: a scalar, or one loss a sample, whose mean is taken; not scaled yet. Methods that
                choose samples need the latter.

        Raises:
            RuntimeError: called twice.
            ValueError: no tensor of that kind.
        """
        if self.ran:
            raise RuntimeError(
                "p.backward(loss) was called twice in one pass; add the losses first"
            )
        if not isinstance(loss, Tensor) or loss.ndim > 1:
            raise ValueError(f"loss must be a scalar tensor or one loss a sample, not {loss!r}")
        if self._wanted.losses and loss.ndim != 1:
            raise ValueError(
                "this method chooses samples by their losses: give p.backward() one loss a sample, "
                'as with reduction="none", not their mean'
            )
        self.losses = loss.detach() if loss.ndim else None
        if self.grad:
            self._run(loss.mean())
        self.ran = True


def _counted(batch: Any, wanted: Pass) -> int:
    n = size(batch)
    if not n:
        raise ValueError(
            f"the {wanted.phase} pass takes a part of the batch, but no tensor with samples was "
            f"found in {type(batch).__name__}; give passes() tensors, or tuples, lists or dicts "
            "of them"
        )
    return n
