"""The rho of each row, as `sssam tune TASK` chose it: one JSON file a task.

A row's rho is the one with the best mean validation accuracy, over seeds of its own.
"""

from pathlib import Path

from pydantic import Field, ValidationError

from sssam.lab.specs import Environment, Spec, Task
from sssam.lab.specs.invalid import complaint

#: The file that `sssam tune` leaves.
FILE = "tuned.json"

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
    """What `tune` found for one task: on which seeds, over which grid, and with what.

    `grid` holds every radius that was tried for some row; each row's scores name its own.
    """

    task: str
    command: str
    recipe: Task
    revision: int
    seeds: tuple[int, ...]
    grid: tuple[float, ...]
    rows: tuple[Row, ...]
    environment: Environment

    def found(self, label: str) -> float | None:
        """The rho of a row, or None where it was not tuned."""
        return next((row.rho for row in self.rows if row.label == label), None)

    def chosen_for(self, task: Task) -> bool:
        """Whether these values were chosen with the very settings of a task.

        Where the data lie does not count, nor what they hold where that was not written down, nor
        how the comparison reads its records.
        """
        given = self.recipe.data
        alike: dict[str, object] = {"path": None}
        if given.fingerprint is None:
            alike["fingerprint"] = None
        data = task.data.model_copy(update=alike)
        read = {name: getattr(self.recipe, name) for name in ("margin", "share", "metric")}
        same = task.model_copy(update={"data": data, **read})
        return same == self.recipe

    def is_for(self, task: Task) -> bool:
        """Whether the values were chosen on that task, though maybe with other settings of it."""
        mine, its = (
            (
                each.name,
                each.model,
                each.data.name,
                None if each.code is None else (each.code.path, each.code.function),
            )
            for each in (self.recipe, task)
        )
        prints = {self.recipe.data.fingerprint, task.data.fingerprint} - {None}
        return mine == its and len(prints) < 2


def read(task: Task) -> Tuned | None:
    """The values that come with the package for a built-in task, None for all others."""
    path = _FOLDER / f"{Path(task.name).name}.json"
    if not path.is_file():
        return None
    found = load(path)
    return found if found.is_for(task) else None


def load(path: Path) -> Tuned:
    """The values that `sssam tune` wrote to a file.

    Raises:
        OSError: there is no such file.
        ValueError: it holds something else.
    """
    try:
        return Tuned.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(
            f"{str(path)!r} holds no tuned values: {complaint(error)}; run sssam tune again"
        ) from error
