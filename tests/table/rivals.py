"""The rows of the rivals, and of settings that several methods share."""

import itertools
from collections.abc import Callable

import torch
from torch import nn

import sssam
from sssam.roles.noise import generator
from tests import naive
from tests.problems import Problem
from tests.table.row import STEPS, Row

NOT_TWO_LINES = ("closure", "passes")


def _parts(problem: Problem) -> list[slice]:
    ends = [0, *itertools.accumulate(p.numel() for p in problem.params)]
    return [slice(*pair) for pair in itertools.pairwise(ends)]


def _first_update(problem: Problem) -> Callable[[torch.Tensor], torch.Tensor]:
    """Of Muon for matrices, a fifth of Adam's elsewhere, on one vector."""

    def turn(g: torch.Tensor) -> torch.Tensor:
        done = []
        for part, p in zip(_parts(problem), problem.params, strict=True):
            w = torch.zeros_like(p).requires_grad_()
            w.grad = g[part].view_as(p).clone()
            if p.ndim == 2:
                rules = {"weight_decay": 0.0, "adjust_lr_fn": "match_rms_adamw"}
                torch.optim.Muon([w], lr=1.0, **rules).step()
            else:
                torch.optim.Adam([w], lr=0.2, eps=0.0).step()
            done.append(-w.detach().flatten())
        return torch.cat(done)

    return turn


def adapted(model: nn.Module) -> list[nn.Module]:
    """The LoRA layers, in a model that has some; else the linear ones."""
    lora = [module for module in model.modules() if hasattr(module, "lora_A")]
    return lora or [module for module in model.modules() if isinstance(module, nn.Linear)]


def _merged(problem: Problem) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The weight of each layer, and that plus s B A."""
    pairs = []
    for layer in adapted(problem.model):
        w = getattr(layer, "base_layer", layer).weight
        low = 0.0
        if hasattr(layer, "lora_A"):
            a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
            low = layer.scaling["default"] * b.detach() @ a.detach()
        pairs.append((w, w.detach() + low))
    return pairs


def _noise(seed: int) -> Callable[[int, int, torch.Tensor], torch.Tensor]:
    return lambda t, i, w: torch.randn(
        w.shape, dtype=w.dtype, generator=generator(seed, t * 2**20 + i, w.device)
    )


def _layers(problem: Problem) -> int:
    return sum(p.ndim > 1 for p in problem.params)


RIVALS: dict[str, Row] = {
    "SAM auto": Row(
        lambda b, m: sssam.SAM(b, rho="auto", model=m),
        lambda p: naive.NaiveAuto(layers=_layers(p)),
        2.0,
    ),
    "SAM in 3 steps": Row(
        lambda b, m: sssam.SAM(b, rho=0.1, ascent_steps=3, model=m),
        lambda p: naive.NaiveClimb(rho=0.1, n=3),
        4.0,
        forms=NOT_TWO_LINES,
        passes=4,
    ),
    "ASAM in 2 steps on a quarter": Row(
        lambda b, m: sssam.ASAM(b, rho=0.5, ascent_steps=2, ascent_fraction=0.25, model=m),
        lambda p: naive.NaiveClimb(rho=0.5, n=2, eta=0.01, fraction=0.25),
        1.5,
        forms=NOT_TWO_LINES,
        passes=3,
    ),
    "ZSharp": Row(
        lambda b, m: sssam.ZSharp(b, rho=0.1, percentile=80, model=m),
        lambda p: naive.NaiveZSharp(parts=_parts(p)),
        2.0,
    ),
    "SAM along the sign": Row(
        lambda b, m: sssam.SAM(b, rho=0.1, along="sign", model=m),
        lambda p: naive.NaiveAlong(),
        2.0,
    ),
    "SAM along Muon's update": Row(
        lambda b, m: sssam.SAM(b, rho=0.1, along="muon", model=m),
        lambda p: naive.NaiveAlong(turn=_first_update(p)),
        2.0,
    ),
    "IRE": Row(
        lambda b, m: sssam.IRE(b, kappa=1.5, flat=0.7, model=m),
        lambda p: naive.NaiveIRE(),
        1.0,
        passes=1,
    ),
    "SALA": Row(
        lambda b, m: sssam.SALA(b, rho=0.02, k=2, alpha=0.5, model=m),
        lambda p: naive.NaiveSALA(rho=0.02),
        None,
        forms=NOT_TWO_LINES,
    ),
    "FlatLoRA": Row(
        lambda b, m: sssam.FlatLoRA(
            b, rho=0.5, seed=4, total_steps=STEPS, layers="all-linear", model=m
        ),
        lambda p: naive.NaiveFlatLoRA(
            rho=0.5, T=STEPS, weights=lambda: _merged(p), noise=_noise(4)
        ),
        1.0,
        forms=NOT_TWO_LINES,
        passes=1,
    ),
    "FunctionalSAM": Row(
        lambda b, m: sssam.FunctionalSAM(b, rho=0.1, model=m),
        lambda p: naive.NaiveFunctionalSAM(),
        2.0,
    ),
}
