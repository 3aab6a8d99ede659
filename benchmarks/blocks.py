"""Short blocks of steps of several kinds in turn: a drift of the machine meets all alike."""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import torch

from sssam.lab.training import blocks
from sssam.lab.training.blocks import Block
from sssam.lab.training.hardware import describe

__all__ = ["CLOCKS", "Block", "Times", "asked", "run", "timed", "write"]

#: By kind, milliseconds a step in each block.
Times = dict[str, list[float]]
#: The time that passes; or, on a busy machine, that of the processor.
CLOCKS = {"wall": perf_counter, "processor": process_time}


def asked(doc: str, blocks: int) -> argparse.Namespace:
    """What a command line of `--blocks`, `--clock` and `--out` says, beside this default."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=blocks)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def timed(
    kinds: Mapping[str, Block],
    steps: int,
    rounds: int,
    clock: Callable[[], float] = perf_counter,
) -> Times:
    """Milliseconds a step of each kind, in so many rounds of blocks in turn."""
    seconds = blocks.timed(kinds, rounds, clock=clock)
    return {name: [each / steps * 1e3 for each in values] for name, values in seconds.items()}


def write(path: Path, found: Mapping[str, Any]) -> None:
    """Write what was found as JSON, with the machine and the versions."""
    environment = describe(torch.device("cpu"), "32-true").model_dump()
    path.write_text(json.dumps({"environment": environment, **found}, indent=1) + "\n")


def run(
    doc: str,
    problems: Iterable[str],
    rounds: int,
    measure: Callable[[str, int], Times],
    summary: Callable[[Times], dict[str, Any]],
    line: Callable[[str, dict[str, float]], str],
) -> None:
    """Measures each problem, prints a line a kind, and writes all times if a file is named.

    Args:
        doc: the benchmark's own, whose first line is the command's help.
        problems: by name.
        rounds: blocks of each kind, unless the command line says otherwise.
        measure: the times of a problem.
        summary: what is reported of each kind.
        line: a kind's summary as text.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=rounds)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {}
    for problem in problems:
        times = measure(problem, options.blocks)
        found[problem] = {"summary": summary(times), "milliseconds": times}
        print(f"\n{problem}: {options.blocks} blocks")
        for name, values in found[problem]["summary"].items():
            print(f"  {line(name, values)}")
    if options.out is not None:
        write(options.out, {"problems": found})
