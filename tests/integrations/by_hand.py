"""Sharpness-aware training written by hand, in plain torch: what the trainers must equal."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

EXAMPLES = Path(__file__).parents[2] / "examples"
Losses = Sequence[Callable[[], Tensor]]


def _gradients(params: list[Tensor], losses: Losses, scale: float) -> list[Tensor]:
    for p in params:
        p.grad = None
    for loss in losses:
        loss().backward()
    return [torch.zeros_like(p) if p.grad is None else p.grad / scale for p in params]


def _traces(model: nn.Module) -> tuple[list[Tensor], Tensor]:
    return [buffer.clone() for buffer in model.buffers()], torch.get_rng_state()


def _set(model: nn.Module, traces: tuple[list[Tensor], Tensor]) -> None:
    with torch.no_grad():
        for buffer, old in zip(model.buffers(), traces[0], strict=True):
            buffer.copy_(old)
    torch.set_rng_state(traces[1])


def step(
    model: nn.Module,
    base: torch.optim.Optimizer,
    losses: Losses,
    *,
    ascent: Losses | None = None,
    sharp: bool = True,
    rho: float = 0.05,
    mix: float = 1.0,
    clip: float | None = None,
    scale: float = 1.0,
) -> None:
    """One step over micro-batches: SAM's or the base's, the clip on what the base gets.

    The losses are those that backward runs from, `scale` times too large. Those of `ascent`, on
    parts of the micro-batches, are for the pass at w, which is then rolled back.
    """
    params = list(model.parameters())
    before = _traces(model)
    part = sharp and ascent is not None
    gradient = _gradients(params, ascent if part and ascent else losses, scale)
    if sharp:
        w = [p.detach().clone() for p in params]
        after = _traces(model)
        if part:
            _set(model, before)
        length = torch.stack([g.norm() for g in gradient]).norm()
        with torch.no_grad():
            for p, g in zip(params, gradient, strict=True):
                p.add_(rho * g / length)
        perturbed = _gradients(params, losses, scale)
        gradient = [(1 - mix) * g + mix * s for g, s in zip(gradient, perturbed, strict=True)]
        with torch.no_grad():
            for p, old in zip(params, w, strict=True):
                p.copy_(old)
        if not part:
            _set(model, after)
    for p, g in zip(params, gradient, strict=True):
        p.grad = g
    if clip is not None:
        nn.utils.clip_grad_norm_(params, clip)
    base.step()


def close(one: nn.Module, other: nn.Module, tolerance: float = 2e-6) -> None:
    """An error if the parameters or the buffers of two models differ."""
    torch.testing.assert_close(
        dict(one.state_dict()), dict(other.state_dict()), rtol=tolerance, atol=tolerance
    )


def equal(one: nn.Module, other: nn.Module) -> None:
    """An error if they differ in a single bit."""
    close(one, other, 0.0)
