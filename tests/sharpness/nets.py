"""Nets small enough for a dense Hessian, uneven batches, and quadratics with known answers."""

import random
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

Batches = list[tuple[Tensor, Tensor]]


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.Tanh(), nn.Linear(4, 3)).double()


def conv() -> nn.Module:
    """With batch norm whose running statistics are not those of a fresh one."""
    layers = [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 3)]
    net = nn.Sequential(*layers).double()
    for inputs, _ in batches():
        net(inputs)
    return net


class Attention(nn.Module):
    """One head over the rows of an image, by torch's fused attention."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.out = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        rows = images  # the channel stands for the head: four axes, as the fused kernels want
        mixed = nn.functional.scaled_dot_product_attention(self.query(rows), rows, rows)
        return self.out(mixed.mean((1, 2)))


def attention() -> nn.Module:
    return Attention().double()


NETS = {"mlp": mlp, "conv": conv, "attention": attention}


def batches(sizes: Iterable[int] = (7, 4, 2), dtype: torch.dtype = torch.float64) -> Batches:
    """Images of one channel, 4 x 4, in three classes."""
    generator = torch.Generator().manual_seed(3)
    return [
        (
            torch.randn(n, 1, 4, 4, generator=generator, dtype=torch.float64).to(dtype),
            torch.randint(3, (n,), generator=generator),
        )
        for n in sizes
    ]


def each(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of each sample."""
    return cross_entropy(outputs, targets, reduction="none")


def dense(model: nn.Module, given: Batches, mode: str = "eval") -> Tensor:
    """The Hessian of the mean loss by torch's own, in eval mode over all samples at once."""
    names, params = zip(*model.named_parameters(), strict=True)
    if mode == "eval":
        given = [tuple(torch.cat(parts) for parts in zip(*given, strict=True))]

    def mean_loss(w: Tensor) -> Tensor:
        parts = w.split([p.numel() for p in params])
        state = {n: v.reshape(p.shape) for n, v, p in zip(names, parts, params, strict=True)}
        kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
        losses = [each(functional_call(model, {**state, **kept}, (x,)), y).sum() for x, y in given]
        return torch.stack(losses).sum() / sum(len(y) for _, y in given)

    model.train(mode == "train")
    with sdpa_kernel(SDPBackend.MATH):
        return torch.autograd.functional.hessian(mean_loss, flat(params))


def flat(parts: Iterable[Tensor]) -> Tensor:
    return torch.cat([part.detach().reshape(-1) for part in parts])


class Point(nn.Module):
    """Weights alone: the output is w, whatever the input."""

    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w.clone())

    def forward(self, _: Tensor) -> Tensor:
        return self.w


#: A sample without content, for losses of the weights alone.
NOTHING = [(torch.zeros(1), torch.zeros(1))]


class Quadratic:
    """The loss <w, A w> / 2 of a `Point`."""

    def __init__(self, a: Tensor) -> None:
        self.a = a

    def __call__(self, w: Tensor, _: Tensor) -> Tensor:
        return w @ self.a @ w / 2


def symmetric(n: int, seed: int = 0) -> Tensor:
    a = torch.randn(n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return a + a.T


def snapshot(model: nn.Module) -> tuple[object, ...]:
    """All that a measurement must leave alone, in a form that compares bit for bit."""
    tensors = [*model.parameters(), *model.buffers()]
    content = [t.detach().clone().view(-1).view(torch.uint8).tolist() for t in tensors]
    grads = [None if p.grad is None else p.grad.tolist() for p in model.parameters()]
    flags = [module.training for module in model.modules()]
    momenta = [getattr(module, "momentum", None) for module in model.modules()]
    states = (torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state()))
    places = [(id(t), t.data_ptr()) for t in tensors]
    return content, grads, flags, momenta, states, places
