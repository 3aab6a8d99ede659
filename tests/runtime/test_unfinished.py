"""A late block that never comes is reported when the interpreter exits, once."""

import subprocess
import sys

import pytest

from sssam.core.counters import Counters
from sssam.runtime.unfinished import complaint
from sssam.schedules import Schedule, constant, late, linear

LOOP = """
import torch, sssam
def train(steps):
    w = torch.nn.Parameter(torch.ones(3))
    schedule = sssam.schedules.late(0.25)
    base = torch.optim.SGD([w], lr=0.1)
    optimizer = sssam.SSSAM(base, schedule=schedule, total_steps=100, model=False)
    for _ in range(steps):
        for p in optimizer.passes(torch.ones(2)):
            p.backward((w ** 2).sum())
        optimizer.step()
for steps in {lengths}:
    train(steps)
"""


@pytest.mark.parametrize(
    ("lengths", "count"), [([60], 1), ([60, 70], 2), ([100], 0), ([95], 0), ([5], 0)]
)
def test_at_exit_one_warning_of_the_last_such_training(lengths: list[int], count: int) -> None:
    code = LOOP.format(lengths=lengths)
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert ended.stderr.count("UserWarning") == min(count, 1)
    if count:
        said = f"after {lengths[-1]} of total_steps=100, with 0 sharpness-aware steps of the 25"
        assert said in ended.stderr
        assert ("(2 such trainings" in ended.stderr) == (count == 2)


@pytest.mark.parametrize(
    ("schedule", "steps", "ascents", "speaks"),
    [
        (late(0.5), 60, 10, True),
        (late(0.5), 80, 30, False),
        (linear(0, 1), 30, 4, True),
        (linear(1, 0), 30, 26, False),
        (constant(0.5), 40, 20, False),
        (constant(0.0), 40, 0, False),
        (late(0.5), 100, 50, False),
    ],
)
def test_what_counts_as_too_early(
    schedule: Schedule, steps: int, ascents: int, speaks: bool
) -> None:
    assert (complaint(Counters(steps, ascents), schedule, 100) is not None) == speaks
