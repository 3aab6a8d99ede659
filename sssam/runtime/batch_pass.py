"""One pass of a loop over passes: the samples to run, and where the loss goes."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from sssam.core.passes import Pass
from sssam.runtime.batches import size, take


class BatchPass:
    """One pass of `optimizer.passes(batch)`: the samples to run, and where the loss goes.

    Args:
        wanted: what the method asks for.
        batch: any nesting of tensors, see `sssam.runtime.batches`.
        run: the backward pass.
        model: what is trained, if known: batch norm in training mode needs two samples a pass.

    Attributes:
        phase: "plain", "ascent", "descent" or "scores".
        batch: the batch, or the part of it that this pass asks for.
        x, y: its first and its second element.
        fraction: the part of the samples that it is, k / n.
        grad: False on a pass without a backward one; forward it under `set_grad_enabled(p.grad)`.
    """

    def __init__(
        self, wanted: Pass, batch: Any, run: Callable[[Tensor], object], model: object = None
    ) -> None:
        self._run, self._wanted, self._model = run, wanted, model
        self.phase, self.grad = wanted.phase, wanted.backward
        self.batch, self.fraction = batch, 1.0
        self.losses: Tensor | None = None
        self.ran = False
        if wanted.samples is not None or wanted.fraction != 1.0:
            self._cut(_counted(batch, wanted))

    def _cut(self, n: int) -> None:
        chosen = self._wanted.samples
        k = max(1, round(self._wanted.fraction * n)) if chosen is None else len(chosen)
        if k == 1 < n and _needs_two(self._model):
            if chosen is not None:
                raise ValueError(ONE_SAMPLE.format(phase=self.phase, n=n))
            k = 2
        self.batch = take(self.batch, slice(k) if chosen is None else chosen, n)
        self.fraction = k / n

    @property
    def x(self) -> Any:
        """The batch's first element.

        Raises:
            TypeError: it is no tuple or list.
        """
        return self._element(0, "x")

    @property
    def y(self) -> Any:
        """The batch's second element.

        Raises:
            TypeError: it is no tuple or list.
        """
        return self._element(1, "y")

    def _element(self, i: int, name: str) -> Any:
        if not isinstance(self.batch, tuple | list):  # a tensor's first element is a sample
            raise TypeError(
                f"p.{name} is an element of a batch that is a tuple or a list, and this one is a "
                f"{type(self.batch).__name__}; read p.batch"
            )
        return self.batch[i]

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


ONE_SAMPLE = (
    "the {phase} pass takes 1 of {n} samples, but batch norm in training mode needs two; let the "
    "method choose a larger share of the batch, give larger batches (drop_last=True where the last "
    "one is small), or put batch norm in evaluation mode"
)


def _needs_two(model: object) -> bool:
    return isinstance(model, nn.Module) and any(
        module.training and _is_batch_norm(module) for module in model.modules()
    )


def _is_batch_norm(module: nn.Module) -> bool:
    scripted = getattr(module, "original_name", "")
    return isinstance(module, _BatchNorm) or scripted.startswith("BatchNorm")


def _counted(batch: Any, wanted: Pass) -> int:
    n = size(batch)
    if not n:
        raise ValueError(
            f"the {wanted.phase} pass takes a part of the batch, but no tensor with samples was "
            f"found in {type(batch).__name__}; give passes() tensors, arrays, or tuples, lists or "
            "dicts of them, or take the part yourself in step(closure) where optimizer.phase is "
            f"{wanted.phase!r}"
        )
    return n
