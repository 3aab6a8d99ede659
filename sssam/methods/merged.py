"""The gradient where merged weights have noise that is stored nowhere (Flat-LoRA).

The weights stay where they are. A hook adds x times the noise to what a layer makes of x, which is
what the layer would make of it with the noise on its weights; the forward and the backward pass
draw the noise anew by its seed.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from sssam.core.checks import count
from sssam.core.groups import RADIUS
from sssam.core.passes import Pass, Passes, Perturbation, Result, Step, Update
from sssam.methods import facts
from sssam.methods.base import Method
from sssam.roles.metric import check_rho
from sssam.roles.noise import check_seed, generator


@dataclass(frozen=True)
class Merged(Method):
    """The gradient at W + E of each layer, E_ij ~ N(0, (rho_t ||W_i|| / sqrt(n))^2).

    W_i is the i-th row of the layer's merged weight, of n numbers: W + s B A of a LoRA layer.
    E is rho_t ||W|| long in the mean square; rho_t = rho (1 - cos(pi t / total_steps)) / 2.

    Args:
        layers: PEFT's LoRA layers over linear ones, or `torch.nn.Linear`.
        rho: in units of each row's length, at least 0.
        total_steps: steps over which rho_t rises to rho, where it stays; at least 1.
        seed: of the noise, a pure function of (seed, step, position of the layer).
    """

    layers: tuple[nn.Module, ...] = field(repr=False, compare=False)
    rho: float
    total_steps: int
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "rho", check_rho(self.rho))
        count("total_steps", self.total_steps, 1)
        check_seed(self.seed)

    @cached_property
    def facts(self) -> facts.Facts:
        """The facts as a dry run reads them, but for a copy of w: no weight moves."""
        return replace(facts.read(self), transient=0)

    def passes(self, step: Step, first: Result | None = None) -> Passes:
        """One pass, with noise on the merged weights."""
        with self._noise(step):
            result = yield Pass("descent", move=Perturbation({}))
        return Update(result.gradient)

    def strength(self, t: int) -> float:
        """The radius rho_t: from 0 at the first step to rho at the last, along a cosine."""
        return self.rho * (1.0 - math.cos(math.pi * min(t / self.total_steps, 1.0))) / 2.0

    @contextmanager
    def _noise(self, step: Step) -> Iterator[None]:
        if any(RADIUS in group for group in step.groups):
            raise ValueError(f"a param group has {RADIUS!r}, and the noise is on layers; delete it")
        strength = 0.0 if step.is_dry else self.strength(step.t)
        noises = [
            Noise(layer, strength, self.seed, step.t * 2**20 + i)
            for i, layer in enumerate(self.layers if strength else ())
        ]
        hooks = [noise.layer.register_forward_hook(noise) for noise in noises]
        try:
            yield
        finally:
            for hook, noise in zip(hooks, noises, strict=True):
                # Not hook.remove(): its weak reference is gone where the collector closes this.
                noise.layer._forward_hooks.pop(hook.id, None)
        if noises and not any(noise.was_added for noise in noises):
            raise RuntimeError(UNSEEN)


class Noise:
    """The noise of one layer at one step, as a forward hook.

    Args:
        layer: whose merged weight it is on.
        strength: rho_t, above 0.
        seed, counter: of its numbers.

    Attributes:
        was_added: whether the layer was called.
    """

    def __init__(self, layer: nn.Module, strength: float, seed: int, counter: int) -> None:
        self.layer, self.strength, self.seed, self.counter = layer, strength, seed, counter
        self.was_added = False
        self._spread: Tensor | None = None

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        self.was_added = True
        added: Tensor = _Added.apply(output, inputs[0], self)  # type: ignore[no-untyped-call]
        return added

    @torch.no_grad()
    def draw(self) -> Tensor:
        """E, of shape (outputs, inputs)."""
        w = merged(self.layer)
        if self._spread is None:
            rows = torch.linalg.vector_norm(w, dim=1, keepdim=True, dtype=_wide(w))
            self._spread = (rows * (self.strength / math.sqrt(w.shape[1]))).to(w.dtype)
        source = generator(self.seed, self.counter, w.device)
        z = torch.randn(w.shape, generator=source, dtype=w.dtype, device=w.device)
        return z.mul_(self._spread)


class _Added(torch.autograd.Function):
    """y + x E^T, without E among what is saved for the backward pass."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, x: Tensor, noise: Noise) -> Tensor:
        ctx.noise, ctx.kind = noise, x.dtype
        return y + nn.functional.linear(x.to(y.dtype), noise.draw().to(y.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor | None, None]:
        if not ctx.needs_input_grad[1]:
            return g, None, None
        return g, (g @ ctx.noise.draw().to(g.dtype)).to(ctx.kind), None


def merged(layer: Any) -> Tensor:
    """W of a linear layer, W + s B A of a LoRA layer's active adapters; (outputs, inputs)."""
    w: Tensor = getattr(layer, "base_layer", layer).weight.detach()
    if hasattr(layer, "lora_A") and not (layer.merged or layer.disable_adapters):
        for name in layer.active_adapters:
            if name in layer.lora_A:
                w = w + layer.get_delta_weight(name)
    return w.T if getattr(layer, "fan_in_fan_out", False) else w


def _wide(w: Tensor) -> torch.dtype:
    return torch.promote_types(w.dtype, torch.float32)


UNSEEN = (
    "none of the layers with noise was called in the pass: is `model` the one that computes the "
    "loss, and is it compiled? A compiled layer does not see its hooks; leave these uncompiled"
)
