"""The rho of each row, as `python -m sssam.lab.tune TASK` chose it: one JSON file a task.

A row's rho is the one with the best mean validation accuracy, over seeds that no comparison uses.
"""

from functools import cache
from pathlib import Path

from pydantic import Field

from sssam.lab.specs import Environment, Spec, Task

#: Whose values a task takes that has none of its own.
FALLBACK = "noisy-digits"

_FOLDER = Path(__file__).parent


class Score(Spec):
    """One rho of one row: validation accuracy in [0, 1] over n seeds, diverged runs included."""

    rho: float = Field(ge=0)
    mean: float
    spread: float
    n: int
    diverged: int = 0


class Row(Spec):
    """The scores of one row, and the rho chosen: the best mean, the smaller rho of equal ones."""

    label: str
    rho: float = Field(ge=0)
    scores: tuple[Score, ...]


class Tuned(Spec):
    """What `tune` found for one task: on which seeds, over which grid, and with what."""

    task: str
    command: str
    recipe: Task
    revision: int
    seeds: tuple[int, ...]
    grid: tuple[float, ...]
    rows: tuple[Row, ...]
    environment: Environment

    def rho(self, label: str) -> float:
        """The rho of a row.

        Raises:
            ValueError: the row was not tuned; the text gives the command that tunes it.
        """
        found = [row.rho for row in self.rows if row.label == label]
        if not found:
            raise ValueError(f"row {label!r} has no tuned rho for {self.task}: run {self.command}")
        return found[0]


@cache
def read(task: str) -> Tuned:
    """The tuned values of a task, or those of `noisy-digits` for a task that has none.

    Raises:
        FileNotFoundError: neither was tuned.
    """
    own = path(task)
    return Tuned.model_validate_json((own if own.exists() else path(FALLBACK)).read_bytes())


def path(task: str) -> Path:
    """Where the tuned values of a task are kept."""
    return _FOLDER / f"{task}.json"
