"""Time of a training step under SSSAM, over the base optimizer's, side by side in one process.

`python -m benchmarks.step_times [--out FILE]` runs short blocks of steps of all optimizers in turn,
so that a drift of the machine's speed meets all of them alike, and reports the median over blocks
of the ratio to the base's block beside it. A second copy of the base shows the noise of the method.
"""

import statistics
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sssam
from benchmarks.blocks import Block, Times, run, timed
from sssam.lab.specs import ModelSpec
from sssam.lab.tasks.models import Form, build
from sssam.schedules import constant

PROBLEMS: dict[str, tuple[ModelSpec, tuple[int, int, int], int, int]] = {
    # model, image shape, batch size, steps in a block
    "MLP 64-256-256-10, batch 64": (ModelSpec(name="mlp", widths=(256, 256)), (1, 8, 8), 64, 100),
    "MLP 784-1024-1024-10, batch 128": (
        ModelSpec(name="mlp", widths=(1024, 1024)),
        (1, 28, 28),
        128,
        20,
    ),
    "ResNet-8 on 32 x 32, batch 64": (ModelSpec(name="resnet8"), (3, 32, 32), 64, 4),
}
ROWS = {"base": None, "base again": None, "p = 0": 0.0, "p = 0.5": 0.5, "p = 1 (SAM)": 1.0}
Step = Callable[[], object]


def make_step(spec: ModelSpec, shape: tuple[int, int, int], batch: int, p: float | None) -> Step:
    """One training step as a closure step, with SGD and momentum as the base."""
    model = build(spec, Form(shape, 10), seed=0)
    x, y = torch.randn(batch, *shape), torch.randint(10, (batch,))
    optimizer: torch.optim.Optimizer = torch.optim.SGD(
        model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4
    )
    if p is not None:
        # Systematic draws: each block of an even number of steps holds exactly half SAM steps.
        optimizer = sssam.SSSAM(
            optimizer, schedule=constant(p), total_steps=10**6, draws="systematic", model=model
        )
    return lambda: optimizer.step(_closure(model, optimizer, x, y))


def _closure(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor
) -> Callable[[], torch.Tensor]:
    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        return loss

    return closure


def measure(problem: str, blocks: int) -> Times:
    """Milliseconds a step, for each row and block."""
    spec, shape, batch, steps = PROBLEMS[problem]
    rows = {name: _block(make_step(spec, shape, batch, p), steps) for name, p in ROWS.items()}
    return timed(rows, steps, blocks)


def _block(step: Step, steps: int) -> Block:
    def run_steps() -> None:
        for _ in range(steps):
            step()

    return run_steps


def summary(times: Times) -> dict[str, dict[str, float]]:
    """For each row the median time, and median and quartiles of the ratio to the base."""
    rows = {}
    for name, values in times.items():
        ratios = sorted(t / b for t, b in zip(values, times["base"], strict=True))
        low, middle, high = statistics.quantiles(ratios, n=4)
        rows[name] = {
            "milliseconds": statistics.median(values),
            "ratio": middle,
            "ratio_lower_quartile": low,
            "ratio_upper_quartile": high,
        }
    return rows


def line(name: str, row: dict[str, float]) -> str:
    """A row's summary as text."""
    spread = f"{row['ratio_lower_quartile']:.3f} to {row['ratio_upper_quartile']:.3f}"
    return f"{name:12s} {row['milliseconds']:9.3f} ms   x {row['ratio']:.3f}   ({spread})"


if __name__ == "__main__":
    run(__doc__, PROBLEMS, 60, measure, summary, line)
