"""Batches of any nesting of tensors: their size, and the first samples of them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.amp import GradScaler

from sssam.passes import Pass


def size(batch: Any) -> int:
    """The number of samples: the length of the first tensor that has one; 0 if there is none."""
    if isinstance(batch, Tensor):
        return len(batch) if batch.ndim else 0
    parts = batch.values() if isinstance(batch, Mapping) else batch
    if isinstance(parts, str) or not hasattr(parts, "__iter__"):
        return 0
    return next((n for n in map(size, parts) if n), 0)


def first(batch: Any, k: int, n: int) -> Any:
    """The batch with each tensor of n samples cut to its first k; everything else as it is."""
    if isinstance(batch, Tensor):
        return batch[:k] if batch.ndim and len(batch) == n else batch
    if isinstance(batch, Mapping):
        return type(batch)({key: first(value, k, n) for key, value in batch.items()})  # type: ignore[call-arg]
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(first(value, k, n) for value in batch))
    if isinstance(batch, tuple | list):
        return type(batch)(first(value, k, n) for value in batch)
    return batch


class BatchPass:
    """One pass of `optimizer.passes(batch)`: the samples to run, and where the loss goes.

    Attributes:
        phase: "plain", "ascent" or "descent".
        batch: the batch, or the part of it that this pass asks for.
        x, y: its first and its second element.
        fraction: the part of the samples that it is, k / n.
    """

    def __init__(self, wanted: Pass, batch: Any, scaler: GradScaler | None = None) -> None:
        self._scaler = scaler
        self.phase, self.batch, self.fraction = wanted.phase, batch, 1.0
        self.ran = False
        n = size(batch)
        if not wanted.whole and not n:
            raise ValueError(
                f"the {wanted.phase} pass takes {wanted.fraction:g} of the batch, but no tensor "
                f"with samples was found in {type(batch).__name__}; give passes() tensors, or "
                "tuples, lists or dicts of them"
            )
        if not wanted.whole:
            k = max(1, round(wanted.fraction * n))
            self.batch, self.fraction = first(batch, k, n), k / n

    @property
    def x(self) -> Any:
        """The batch's first element."""
        return self.batch[0]

    @property
    def y(self) -> Any:
        """The batch's second element."""
        return self.batch[1]

    def backward(self, loss: Tensor) -> None:
        """Run the backward pass from a scalar loss, not scaled yet; to be called exactly once."""
        if self.ran:
            raise RuntimeError(
                "p.backward(loss) was called twice in one pass; add the losses first"
            )
        if not isinstance(loss, Tensor) or loss.ndim:
            raise ValueError(f"loss must be a scalar tensor, not {loss!r}; use its mean")
        torch.autograd.backward(loss if self._scaler is None else self._scaler.scale(loss))
        self.ran = True
