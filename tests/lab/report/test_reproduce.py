"""The command that a page names makes the same comparison again, or none is named."""

import shlex
from pathlib import Path

import pytest
from synthetic import TASK as FOREIGN

from sssam.lab import tasks
from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Comparison
from sssam.lab.report.reproduce import command
from sssam.lab.specs import Method

TASK = tasks.TASKS["noisy-digits"]
ROWS = tasks.untuned_rows(TASK)
OWN = """
import torch
from sssam.lab import Problem

SETTINGS = {"epochs": 2}


def task(seed):
    x, y = torch.zeros(8, 4), torch.tensor([0, 1] * 4)
    return Problem(torch.nn.Linear(4, 2), train=(x, y), validation=(x, y), test=(x, y))
"""


def empty(task: object = TASK, rows: object = ROWS, seeds: range = range(12)) -> Comparison:
    return compare(task, rows, seeds, [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("comparison", "words"),
    [
        (empty(), "sssam compare noisy-digits --seeds 12"),
        (empty(rows=ROWS[:3], seeds=range(2)), "--methods 'base,base 2x steps,SAM' --seeds 2"),
        (empty(TASK.model_copy(update={"epochs": 3})), "--seeds 12 --epochs 3"),
    ],
)
def test_the_command_says_what_differs_from_the_defaults(
    comparison: Comparison, words: str
) -> None:
    assert command(comparison).endswith(words)
    assert shlex.split(command(comparison))[:3] == ["sssam", "compare", "noisy-digits"]


@pytest.mark.parametrize(
    "comparison",
    [
        empty(FOREIGN),
        empty(TASK.model_copy(update={"learning_rate": 0.2})),
        empty(rows=[*ROWS, Method(label="mine", kind="asam", rho=1.0)]),
        empty(seeds=range(5, 9)),
    ],
    ids=["task", "recipe", "row", "seeds"],
)
def test_what_the_command_line_cannot_say_has_no_command(comparison: Comparison) -> None:
    assert command(comparison) == ""


def test_a_task_of_an_own_file_is_named_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    task = tasks.find(str(path))
    rows = tasks.untuned_rows(task)
    shorter = task.model_copy(update={"epochs": 1})
    assert command(empty(task, rows)) == f"sssam compare {path} --seeds 12"
    assert command(empty(shorter, rows)) == f"sssam compare {path} --seeds 12 --epochs 1"
    assert command(empty(task.model_copy(update={"batch_size": 7}), rows)) == ""
    path.write_text(OWN + "# changed\n")
    assert command(empty(task, rows)) == ""
    path.unlink()
    assert command(empty(task, rows)) == ""
