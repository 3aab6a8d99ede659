"""The mean loss over given batches as a function of the weights: value, gradient, curvature."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from sssam.core.vectors import Vector, dense
from sssam.core.weights import Weights
from sssam.runtime.buffers import preserve_buffers
from sssam.runtime.generators import Generators
from sssam.sharpness.arguments import Criterion, pair, parameters, summed, walkable

Mode = Literal["eval", "train"]


@dataclass(frozen=True)
class _Batch:
    """A batch that went through the model: the sum of its losses, and how many they are."""

    total: Tensor
    count: int
    outputs: Any
    targets: Any


class Objective:
    """L(w), the mean loss over batches, and its derivatives at the weights as they stand.

    Batches are weighted by their samples. Nothing is left changed, whatever is raised: buffers,
    training flags, random generators and gradients are as they were found. Since generators are
    put back, a shuffled loader, random augmentation and dropout draw the same at every walk.

    Args:
        model: called as `model(inputs)`; its weights in float32 or float64.
        loss: `loss(outputs, targets)`, a mean over the batch or one loss a sample.
        batches: gives (inputs, targets) on the model's device, anew whenever it is walked: a list
            or a DataLoader, no iterator.
        params: those of the model's parameters that L is a function of; default: all that need
            gradients.
        mode: "eval", or "train" for batch norm with each batch's own statistics and dropout.

    Raises:
        TypeError: half precision or complex weights, an iterator, a loss that is no tensor.
        ValueError: no parameters, foreign ones, an unknown mode.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Criterion,
        batches: Iterable[Any],
        params: Iterable[Tensor] | None = None,
        *,
        mode: Mode = "eval",
    ) -> None:
        if mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {', '.join(get_args(Mode))}, not {mode!r}")
        self.model, self.loss, self.mode = model, loss, mode
        self.batches = walkable(batches)
        self.params = parameters(model, params)
        self._generators = Generators({p.device for p in self.params})

    def value(self) -> float:
        """L(w), in the units of the loss."""
        return self.measured(None)[0]

    def measured(self, metric: Criterion | None) -> tuple[float, float | None]:
        """L(w), and the mean of a metric over the same outputs where one is given."""
        losses, metrics = _Mean(), _Mean()
        with self.undisturbed(), torch.no_grad():
            for batch in self._walk():
                losses.add(batch.total.item(), batch.count)
                if metric is not None:
                    total, count = summed("metric", metric, batch.outputs, batch.targets)
                    metrics.add(total.item(), count)
        return losses.value, None if metric is None else metrics.value

    def gradient(self) -> tuple[float, Vector]:
        """L(w) and its gradient; one forward and one backward pass a batch."""
        return self._differentiated(self._derivatives)

    def product(self, v: Vector) -> Vector:
        """The Hessian of L times v, by differentiating <gradient, v>: twice a gradient's cost.

        Args:
            v: a part of each parameter's shape and type, by its position in `params`.
        """
        with sdpa_kernel(SDPBackend.MATH):  # the fused attention kernels have no second derivative
            return self._differentiated(lambda total: self._second(total, v))[1]

    @contextmanager
    def moved(self, e: Vector) -> Iterator[None]:
        """The weights at w + e, and back at w bit for bit, whatever happens inside."""
        weights = Weights()
        try:
            weights.move(self.params, e)
            yield
        finally:
            weights.restore()

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Buffers, training flags and random generators as found, once this ends."""
        with ExitStack() as stack:
            flags = [(module, module.training) for module in self.model.modules()]
            stack.callback(_set_flags, flags)
            stack.callback(self._generators.note([*self.model.modules()]))
            for own in _own_generators(self.batches):
                stack.callback(own.set_state, own.get_state())
            stack.enter_context(preserve_buffers(self.model))
            yield

    def _walk(self) -> Iterator[_Batch]:
        self.model.train(self.mode == "train")
        empty = True
        for batch in self.batches:
            empty = False
            inputs, targets = pair(batch)
            outputs = self.model(inputs)
            total, count = summed("loss", self.loss, outputs, targets)
            yield _Batch(total, count, outputs, targets)
        if empty:
            raise ValueError("batches is empty: give at least one (inputs, targets)")

    def _differentiated(
        self, derivative: Callable[[Tensor], tuple[Tensor, ...]]
    ) -> tuple[float, Vector]:
        """L(w), and the mean over samples of what `derivative` makes of a batch's summed loss."""
        losses = _Mean()
        sums = {i: torch.zeros_like(p, requires_grad=False) for i, p in enumerate(self.params)}
        with self.undisturbed(), torch.enable_grad():
            for batch in self._walk():
                losses.add(batch.total.item(), batch.count)
                _accumulate(sums, derivative(batch.total))
        return losses.value, _divided(sums, losses.count)

    def _derivatives(self, total: Tensor, create_graph: bool = False) -> tuple[Tensor, ...]:
        if not total.requires_grad:
            raise ValueError(
                "the loss does not depend on params: it was detached, or they take no part in it"
            )
        return torch.autograd.grad(
            total, self.params, create_graph=create_graph, materialize_grads=True
        )

    def _second(self, total: Tensor, v: Vector) -> tuple[Tensor, ...]:
        first = self._derivatives(total, create_graph=True)
        curved = [(g, v[i]) for i, g in enumerate(first) if g.requires_grad]
        if not curved:
            return ()
        gradients, vectors = zip(*curved, strict=True)
        return torch.autograd.grad(
            gradients, self.params, grad_outputs=vectors, materialize_grads=True
        )


class _Mean:
    """A mean of sums over counted batches."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, total: float, count: int) -> None:
        self.total, self.count = self.total + total, self.count + count

    @property
    def value(self) -> float:
        return self.total / self.count


def require_finite(loss: float) -> float:
    """The loss at w, from which a rise is measured.

    Raises:
        FloatingPointError: it is NaN or infinite.
    """
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss at w is {loss}: there is no sharpness to measure")
    return loss


@torch.no_grad()
def _accumulate(sums: Vector, parts: tuple[Tensor, ...]) -> None:
    if parts:
        torch._foreach_add_(list(sums.values()), list(dense(dict(enumerate(parts))).values()))


@torch.no_grad()
def _divided(sums: Vector, count: int) -> Vector:
    torch._foreach_div_(list(sums.values()), count)
    return sums


def _set_flags(flags: list[tuple[nn.Module, bool]]) -> None:
    for module, training in flags:
        module.training = training


def _own_generators(batches: Iterable[Any]) -> list[torch.Generator]:
    """A DataLoader's and its sampler's generators, where they have their own."""
    owners = (batches, getattr(batches, "sampler", None))
    generators = (getattr(owner, "generator", None) for owner in owners)
    return [each for each in generators if isinstance(each, torch.Generator)]
