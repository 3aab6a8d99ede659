"""Seconds of cheaper ascents: what each saves of SAM's second pass, on two models.

`python -m benchmarks.cheap_passes [--clock processor] [--out FILE]` runs blocks of steps of all in
turn. A share of the passes says how much was computed; this says how much time it took.
"""

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

import sssam
from benchmarks.blocks import CLOCKS, asked, timed, write
from benchmarks.contenders import RHO, Build, Step, built, by_closure, own
from benchmarks.problems import PROBLEMS, loss
from benchmarks.step_times import line, repeated, summary
from sssam.methods import Ascent
from sssam.roles import Euclidean, Fresh
from sssam.roles.masks import Only, normalization_parameters
from sssam.schedules import constant

MODELS = ("transformer of 3.7M, 256 tokens", "ResNet-8, batch 64")
STEPS = 10  # in a block: every 2nd and every 5th step come out even
Smaller = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def _eighth(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    k = max(len(x) // 8, 1)
    return x[:k], y[:k]


def _half_size(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Half of each side of an image, half of a sequence."""
    return (x[..., ::2, ::2] if x.ndim == 4 else x[:, : x.shape[1] // 2]), y


def smaller(less: Smaller) -> Build:
    """SAM, its ascent on less than the batch."""

    def build(model: nn.Module, x: Tensor, y: Tensor) -> Step:
        optimizer = sssam.SAM(built(model), rho=RHO, model=model)
        part = less(x, y)

        def run(x: Tensor, y: Tensor) -> Tensor:
            optimizer.zero_grad()
            return loss(model, x, y)

        return lambda: optimizer.step(lambda: run(x, y), ascent_closure=lambda: run(*part))

    return build


def frozen(chosen: Callable[[nn.Module], list[Tensor]]) -> Build:
    """SAM over some parameters: the others take no gradient in the ascent, and stay at w."""

    def build(model: nn.Module, x: Tensor, y: Tensor) -> Step:
        own = {id(p) for p in chosen(model)}
        others = [p for p in model.parameters() if id(p) not in own]
        metric = Only(Euclidean(RHO), chosen(model))
        optimizer = sssam.SharpnessAware(built(model), Ascent(Fresh(), metric), model=model)

        def whole() -> Tensor:
            optimizer.zero_grad()
            return loss(model, x, y)

        def ascent() -> Tensor:
            for p in others:
                p.requires_grad_(False)
            try:
                return whole()
            finally:
                for p in others:
                    p.requires_grad_(True)

        return lambda: optimizer.step(whole, ascent_closure=ascent)

    return build


def last_layers(model: nn.Module) -> list[Tensor]:
    """Those of the last tenth of the tensors: the head, and a part of the last block."""
    params = list(model.parameters())
    return params[-max(len(params) // 10, 2) :]


def _every(k: int) -> Build:
    return by_closure(
        lambda base, model: sssam.SSSAM(
            base,
            schedule=constant(1 / k),
            total_steps=10**6,
            draws="systematic",
            rho=RHO,
            model=model,
        )
    )


#: By name, with the propagations of a step.
CHEAP: Mapping[str, tuple[float, Build]] = {
    "base": (1.0, own()["base"]),
    "SAM": (2.0, own()["SAM"]),
    "SAM at every 2nd step": (1.5, _every(2)),
    "SAM at every 5th step": (1.2, _every(5)),
    "LookSAM, k = 5: a part kept": (
        1.2,
        by_closure(lambda base, model: sssam.LookSAM(base, k=5, rho=RHO, model=model)),
    ),
    "S2SAM: the gradient of the step before": (
        1.0,
        by_closure(lambda base, model: sssam.S2SAM(base, rho=RHO, model=model)),
    ),
    "MSAM: the momentum": (1.0, own()["MSAM"]),
    "ascent on 1/8 of the batch": (1.125, smaller(_eighth)),
    "ascent on inputs of half the size": (2.0, smaller(_half_size)),
    "last layers alone": (2.0, frozen(last_layers)),
    "normalisation layers alone": (2.0, frozen(lambda m: list(normalization_parameters(m)))),
}


def main() -> None:
    """The command."""
    options = asked(str(__doc__), blocks=9)
    torch.set_num_threads(1)
    found = {}
    for name in MODELS:
        torch.manual_seed(0)
        model, batch = PROBLEMS[name].model(), PROBLEMS[name].batch()
        kinds = {
            label: repeated(build(copy.deepcopy(model), *batch), STEPS)
            for label, (_, build) in CHEAP.items()
        }
        times = timed(kinds, STEPS, options.blocks, CLOCKS[options.clock])
        found[name] = {"summary": summary(times), "milliseconds": times}
        print(f"\n{name}: {options.blocks} blocks")
        for label, values in summary(times).items():
            print(f"  {line(label, values)}", flush=True)
    if options.out is not None:
        passes = {label: passes for label, (passes, _) in CHEAP.items()}
        write(options.out, {"clock": options.clock, "propagations": passes, "steps": found})


if __name__ == "__main__":
    main()
