"""Times of a training step: SAM and its relatives, other libraries' SAM, over the base's step.

`make bench`, or `python -m benchmarks.step_times [--peers PATH] [--out FILE]`, runs short blocks of
steps of all contenders in turn, in one process and one thread, so that a drift of the machine's
speed meets all alike, and reports the median over blocks of the ratio to the base's block beside
it. A second copy of the base shows the noise of the method.
"""

import argparse
import copy
import statistics
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks import overhead
from benchmarks.blocks import CLOCKS, Block, Times, timed, write
from benchmarks.contenders import Build, Step, own, peers
from benchmarks.figure import draw
from benchmarks.overhead import records
from benchmarks.problems import PROBLEMS, Autocast

TRANSFORMER = "transformer of 3.7M, 256 tokens"


class Row(NamedTuple):
    """A model, its base, whether it runs under bfloat16 autocast, and blocks of each contender."""

    problem: str
    base: str = "SGD"
    autocast: bool = False
    rounds: int = 30

    @property
    def label(self) -> str:
        """As the table has it."""
        base = "" if self.base == "SGD" else f", {self.base}"
        return self.problem + base + ", bfloat16 autocast" * self.autocast


ROWS = [
    Row("200 layers of 16", rounds=60),
    Row("embedding of 5M weights", rounds=60),
    Row(TRANSFORMER),
    Row("ResNet-8, batch 64"),
    Row(TRANSFORMER, base="AdamW"),
    Row(TRANSFORMER, autocast=True),
]


def measure(row: Row, builds: dict[str, Build], rounds: int, clock: str) -> Times:
    """Milliseconds a step, for each contender and block."""
    problem = PROBLEMS[row.problem]
    torch.manual_seed(0)
    model, batch = problem.model(), problem.batch()
    model = Autocast(model) if row.autocast else model
    blocks = {
        label: repeated(build(copy.deepcopy(model), *batch), problem.steps)
        for label, build in builds.items()
    }
    return timed(blocks, problem.steps, rounds, CLOCKS[clock])


def repeated(step: Step, steps: int) -> Block:
    """So many steps."""

    def run() -> None:
        for _ in range(steps):
            step()

    return run


def summary(times: Times) -> dict[str, dict[str, float]]:
    """For each contender the median time, and median and quartiles of the ratio to the base."""
    found = {}
    for name, values in times.items():
        ratios = sorted(t / b for t, b in zip(values, times["base"], strict=True))
        low, middle, high = statistics.quantiles(ratios, n=4)
        found[name] = {
            "milliseconds": statistics.median(values),
            "ratio": middle,
            "ratio_lower_quartile": low,
            "ratio_upper_quartile": high,
        }
    return found


def line(name: str, found: dict[str, float]) -> str:
    """A contender's summary as text."""
    spread = f"{found['ratio_lower_quartile']:.3f} to {found['ratio_upper_quartile']:.3f}"
    return f"{name:38s} {found['milliseconds']:9.3f} ms   x {found['ratio']:.3f}   ({spread})"


def steps(options: argparse.Namespace) -> dict[str, object]:
    """The table of step times, printed as it comes."""
    found = {}
    for row in ROWS:
        rounds = max(round(row.rounds * options.rounds), 2)
        builds = {**own(row.base), **peers(options.peers, row.base)}
        times = measure(row, builds, rounds, options.clock)
        found[row.label] = {"summary": summary(times), "milliseconds": times}
        print(f"\n{row.label}: {rounds} blocks", flush=True)
        for label, values in summary(times).items():
            print(f"  {line(label, values)}")
    return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--peers", type=Path, help="folder in which other libraries are installed")
    parser.add_argument("--rounds", type=float, default=1.0, help="times as many blocks")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--out", type=Path, help="a JSON file; the figure lies beside it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = steps(options)
    by_size, by_number = overhead.sizes(options.clock), overhead.tensors(options.clock)
    print(overhead.text("sizes", by_size), overhead.text("tensors", by_number), sep="\n")
    if options.out is not None:
        outside = {"sizes": records(by_size), "tensors": records(by_number)}
        write(options.out, {"clock": options.clock, "steps": found, "outside": outside})
        draw(by_size, by_number, options.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
