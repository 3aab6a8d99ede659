"""What a loop of one's own takes outside its passes, beside the library's SAM.

`python -m benchmarks.floor [--clock processor] [--out FILE]`, in half a minute. The loop by hand
has torch's operators and little more: it puts w back to the bit, and does without everything else.
What it takes is where any SAM in Python ends that calls torch once for each list of tensors.
"""

import statistics
from collections.abc import Mapping

import torch
from torch import nn

import sssam
from benchmarks.blocks import CLOCKS, Times, asked, timed, write
from benchmarks.contenders import ByHand
from benchmarks.overhead import METHODS, Wrap, loop, repeat
from sssam.schedules import constant

TENSORS = (1, 10, 100, 400, 1000)
#: By name; the passes of a step.
KINDS: Mapping[str, tuple[Wrap | None, int]] = {
    "one pass": (None, 1),
    "two passes": (None, 2),
    "by hand": (ByHand, 2),
    "SAM": METHODS["SAM"][:2],
    "plain step": (lambda base: sssam.SSSAM(base, schedule=constant(0), total_steps=10**5), 1),
}
#: What each of the others is compared with.
BARE = {"by hand": "two passes", "SAM": "two passes", "plain step": "one pass"}


def measure(tensors: int, rounds: int, clock: str) -> Times:
    """Microseconds a step of each, in each block; tensors of 256 weights."""
    steps = max(2, 400 // tensors)
    loops = {
        name: loop([nn.Parameter(torch.randn(256)) for _ in range(tensors)], wrap, passes)
        for name, (wrap, passes) in KINDS.items()
    }
    blocks = {name: lambda step=step: repeat(step, steps) for name, step in loops.items()}
    found = timed(blocks, steps, rounds, CLOCKS[clock])
    return {name: [1e3 * each for each in values] for name, values in found.items()}


def outside(times: Times, name: str) -> tuple[float, float, float]:
    """Microseconds beyond the passes: lower quartile, median, upper quartile over blocks."""
    over = [a - b for a, b in zip(times[name], times[BARE[name]], strict=True)]
    low, middle, high = statistics.quantiles(over, n=4)
    return low, middle, high


def main() -> None:
    """The command."""
    options = asked(str(__doc__), blocks=60)
    torch.set_num_threads(1)
    found = {str(n): measure(n, options.blocks, options.clock) for n in TENSORS}
    for n, times in found.items():
        for name in BARE:
            low, middle, high = outside(times, name)
            print(f"{n:>5s} tensors  {name:10s} {middle:8.0f} us [{low:.0f}, {high:.0f}]")
    if options.out is not None:
        write(options.out, {"clock": options.clock, "microseconds": found})


if __name__ == "__main__":
    main()
