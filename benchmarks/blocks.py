"""Short blocks of steps of several rows in turn: a drift of the machine's speed meets all alike."""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from sssam.lab.training import blocks
from sssam.lab.training.blocks import Block
from sssam.lab.training.environment import describe

__all__ = ["Block", "Times", "run", "timed"]

#: By row, milliseconds a step in each block.
Times = dict[str, list[float]]


def timed(rows: Mapping[str, Block], steps: int, rounds: int) -> Times:
    """Milliseconds a step of each row, in so many rounds of blocks in turn."""
    seconds = blocks.timed(rows, rounds)
    return {name: [each / steps * 1e3 for each in values] for name, values in seconds.items()}


def run(
    doc: str,
    problems: Iterable[str],
    rounds: int,
    measure: Callable[[str, int], Times],
    summary: Callable[[Times], dict[str, Any]],
    line: Callable[[str, dict[str, float]], str],
) -> None:
    """Measures each problem, prints a line a row, and writes all times if a file is named.

    Args:
        doc: the benchmark's own, whose first line is the command's help.
        problems: by name.
        rounds: blocks of each row, unless the command line says otherwise.
        measure: the times of a problem.
        summary: what is told of each row.
        line: a row's summary as text.
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
        for name, row in found[problem]["summary"].items():
            print(f"  {line(name, row)}")
    if options.out is not None:
        environment = describe(torch.device("cpu"), "32-true").model_dump()
        record = {"environment": environment, "problems": found}
        options.out.write_text(json.dumps(record, indent=1) + "\n")
