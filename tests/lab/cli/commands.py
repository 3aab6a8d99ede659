"""A task of a user's own and a study of it, and what a command prints."""

import json
from pathlib import Path

import pytest

from sssam.lab.cli import main
from sssam.lab.runs import store as records
from sssam.lab.specs import Record

TASK = """
import os
import torch
from sssam.lab import Problem

SETTINGS = {"epochs": 2, "batch_size": 16}


def task(seed):
    if seed == 1 and os.environ.get("BROKEN"):
        raise RuntimeError("the disk of seed 1 is gone")
    source = torch.Generator().manual_seed(seed)

    def part(n):
        x = torch.randn(n, 4, generator=source)
        return x, (x[:, 0] > 0).long()

    return Problem(torch.nn.Linear(4, 2), train=part(64), validation=part(32), test=part(32))
"""

STUDY = """
name = "mine"
tasks = ["mine.py"]
seeds = 2
tuning_seeds = 2
trials = 2
engine = "here,threads=1"
controls = ["2"]
[recipe]
learning_rate = [0.05, 0.1]
[[variants]]
kind = "sam"
rho = [0.05, 0.1]
"""

Capture = pytest.CaptureFixture[str]


def held(out: Path) -> dict[str, Record]:
    return records.read_all(out / "records").by_id


def compared(path: Path) -> dict[str, object]:
    return json.loads((path / "comparison.json").read_text())


def call(capsys: Capture, *words: str | Path, code: int = 0) -> tuple[str, str]:
    """What a command prints, on standard output and error."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == code
    output = capsys.readouterr()
    return output.out, output.err
