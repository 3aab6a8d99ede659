"""The forms of a training loop, and what a model's buffers hold, bit for bit."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Form = Callable[[nn.Module, Any, Tensor], None]


def _loss(model: nn.Module, x: Tensor) -> Tensor:
    loss: Tensor = model(x).square().mean()
    return loss


def plain(model: nn.Module, x: Tensor) -> None:
    """What a plain step leaves, at a learning rate of 0."""
    _loss(model, x).backward()


def closure(model: nn.Module, optimizer: Any, x: Tensor) -> None:
    def run() -> Tensor:
        optimizer.zero_grad()
        part = optimizer.method.facts.ascent_fraction if optimizer.phase == "ascent" else 1.0
        loss = _loss(model, x[: round(part * len(x))])
        loss.backward()
        return loss

    optimizer.step(run)


def two_lines(model: nn.Module, optimizer: Any, x: Tensor) -> None:
    _loss(model, x).backward()
    if optimizer.ascend():
        _loss(model, x).backward()
    optimizer.step()
    optimizer.zero_grad()


def asked(model: nn.Module, optimizer: Any, x: Tensor) -> None:
    part = optimizer.method.facts.ascent_fraction if optimizer.will_ascend else 1.0
    _loss(model, x[: round(part * len(x))]).backward()
    if optimizer.ascend():
        _loss(model, x).backward()
    optimizer.step()
    optimizer.zero_grad()


def passes(model: nn.Module, optimizer: Any, x: Tensor) -> None:
    for p in optimizer.passes(x):
        p.backward(_loss(model, p.batch))
    optimizer.step()


WHOLE: dict[str, Form] = {"closure": closure, "two lines": two_lines, "passes": passes}
PART: dict[str, Form] = {"closure": closure, "asked": asked, "passes": passes}


def _bits(x: Tensor) -> Any:
    if x.is_nested:
        return [_bits(part) for part in x.unbind()]
    if x.layout is not torch.strided:
        return _bits(x.to_dense())
    if x.is_quantized:
        return x.q_scale(), _bits(x.int_repr())
    if x.device.type == "meta":
        return x.shape
    flat = x.detach().resolve_conj().contiguous().reshape(-1)
    return x.shape, x.dtype, flat.view(torch.uint8).tolist()


def contents(model: nn.Module) -> dict[str, Any]:
    """The contents of buffers and frozen parameters by name, None where a buffer is None."""
    held = {
        f"{prefix}.{name}": buffer
        for prefix, module in model.named_modules()
        for name, buffer in module._buffers.items()
    }
    held |= {name: p for name, p in model.named_parameters() if not p.requires_grad}
    return {name: None if tensor is None else _bits(tensor) for name, tensor in held.items()}
