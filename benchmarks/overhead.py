"""What a step takes beyond its passes, against the time in which memory could be moved so often.

The passes of these steps cost nothing: they give the parameters gradients that were made before.
So the difference to a loop with as many such passes and the base's update is the method's own,
without the noise of real passes. The bound is a method's bytes, each moved once, over the bandwidth
that one `torch.add` of as many numbers reaches here.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

import sssam
from benchmarks.blocks import CLOCKS, timed

Wrap = Callable[[Optimizer], Any]
#: A method; the passes of its step; the bytes that it moves for each float32 weight. SAM reads g
#: for its norm (4), reads w and g and writes w and the copy (16), reads the copy and writes w (8);
#: Momentum-SAM does so with its momentum; ASAM's norm reads w too; S2-SAM copies g; a random
#: perturbation writes its numbers.
METHODS: Mapping[str, tuple[Wrap, int, int]] = {
    "SAM": (lambda base: sssam.SAM(base, model=False), 2, 28),
    "MSAM": (lambda base: sssam.MSAM(base, model=False), 1, 28),
    "ASAM": (lambda base: sssam.ASAM(base, model=False), 2, 32),
    "S2SAM": (lambda base: sssam.S2SAM(base, model=False), 1, 36),
    "RandomPerturbation": (lambda base: sssam.RandomPerturbation(base, model=False), 1, 32),
}
ROUNDS = 9


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes:
        weights, tensors: how many the parameters are.
        microseconds: beyond the passes, the median over blocks; `low` and `high` are its quartiles.
        bound: microseconds in which the method's bytes could be moved.
        bandwidth: gigabytes a second.
    """

    method: str
    weights: int
    tensors: int
    microseconds: float
    low: float
    high: float
    bound: float
    bandwidth: float


def loop(params: list[nn.Parameter], wrap: Wrap | None, passes: int) -> Callable[[], object]:
    """Steps whose passes cost nothing: of a method, or bare ones and the base's update."""
    base = torch.optim.SGD(params, lr=1e-4, momentum=0.9)
    optimizer = base if wrap is None else wrap(base)
    gradients, loss = [torch.randn_like(p) for p in params], torch.zeros(())

    def closure() -> Tensor:
        optimizer.zero_grad()
        for p, gradient in zip(params, gradients, strict=True):
            p.grad = gradient
        return loss

    def step() -> None:
        for _ in range(passes - 1):
            closure()
        base.step(closure)

    return step if wrap is None else lambda: optimizer.step(closure)


def bandwidth(numbers: int) -> float:
    """Gigabytes a second, of adding two tensors of so many float32 numbers into a third."""
    a, b, c = (torch.zeros(numbers) for _ in range(3))
    best, repeats = float("inf"), max(3, 10**7 // numbers)
    for _ in range(repeats):
        begun = perf_counter()
        torch.add(a, b, out=c)
        best = min(best, perf_counter() - begun)
    return 12 * numbers / best / 1e9


def measure(method: str, weights: int, tensors: int, clock: str) -> Point:
    """One point: parameters of equal size."""
    wrap, passes, moved = METHODS[method]
    shape, steps = (weights // tensors,), max(1, 10**5 // weights)
    own, bare = ([nn.Parameter(torch.randn(shape)) for _ in range(tensors)] for _ in range(2))
    ours, reference = loop(own, wrap, passes), loop(bare, None, passes)
    kinds = {"ours": lambda: repeat(ours, steps), "bare": lambda: repeat(reference, steps)}
    times = timed(kinds, steps, ROUNDS, CLOCKS[clock])
    over = [1e3 * (a - b) for a, b in zip(times["ours"], times["bare"], strict=True)]
    low, middle, high = statistics.quantiles(over, n=4)
    speed = bandwidth(weights)
    return Point(method, weights, tensors, middle, low, high, moved * weights / speed / 1e3, speed)


def repeat(step: Callable[[], object], steps: int) -> None:
    """So many steps."""
    for _ in range(steps):
        step()


def sizes(clock: str) -> list[Point]:
    """Ten tensors of more and more weights."""
    some = [10**4, 10**5, 10**6, 10**7]
    points = [measure(method, n, 10, clock) for method in METHODS for n in some]
    return [*points, measure("SAM", 10**8, 10, clock)]


def tensors(clock: str) -> list[Point]:
    """More and more tensors of 256 weights."""
    return [measure(method, 256 * k, k, clock) for method in METHODS for k in (1, 10, 100, 1000)]


def text(title: str, points: Iterable[Point]) -> str:
    """A table."""
    head = f"\n{title}: microseconds a step beyond the passes [quartiles], and the bound"
    return "\n".join([head, *map(_line, points)])


def _line(p: Point) -> str:
    spread = f"{p.microseconds:10.0f} [{p.low:.0f}, {p.high:.0f}]"
    times = f"{p.microseconds / p.bound:.2f} x bound at {p.bandwidth:.0f} GB/s"
    return (
        f"  {p.method:20s} {p.weights:>11,} in {p.tensors:>5,} {spread:32s} {p.bound:9.0f}  {times}"
    )


def records(points: Iterable[Point]) -> list[dict[str, object]]:
    """As JSON takes them."""
    return [asdict(point) for point in points]
