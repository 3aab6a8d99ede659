"""The rho of each row, as `sssam tune TASK --keep` chose it: one JSON file a task.

A row's rho is the one with the best mean validation accuracy, over seeds of its own.
"""

from functools import cache
from pathlib import Path

from pydantic import Field

from sssam.lab.specs import Environment, Spec, Task
from sssam.runtime.files import write_whole

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

    def rho(self, label: str) -> float:
        """The rho of a row.

        Raises:
            ValueError: the row was not tuned; the text gives the command that tunes it.
        """
        found = self.found(label)
        if found is None:
            raise ValueError(f"row {label!r} has no tuned rho for {self.task}: run {self.command}")
        return found

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

    def joined(self, other: "Tuned") -> "Tuned":
        """These rows, and those of `other` that this has not, where both were tuned alike.

        Raises:
            ValueError: the other's recipe, seeds or revision differ.
        """
        differ = [
            name for name in ("seeds", "revision") if getattr(self, name) != getattr(other, name)
        ]
        differ += [] if other.chosen_for(self.recipe) else ["recipe"]
        if differ:
            raise ValueError(
                f"the rows that are kept for {self.task} were tuned with other "
                f"{' and '.join(differ)}: tune them all anew, or leave out --keep"
            )
        mine = {row.label for row in self.rows}
        kept = tuple(row for row in other.rows if row.label not in mine)
        grid = tuple(sorted({*self.grid, *other.grid}))
        return self.model_copy(update={"rows": (*self.rows, *kept), "grid": grid})


@cache
def read(task: str) -> Tuned:
    """The tuned values of a task, or those of `noisy-digits` for a task that has none.

    Raises:
        FileNotFoundError: neither was tuned.
    """
    own = path(task)
    return Tuned.model_validate_json((own if own.exists() else path(FALLBACK)).read_bytes())


def path(task: str) -> Path:
    """Where the tuned values of a task are kept; a name that is a path counts by its last part."""
    return _FOLDER / f"{Path(task).name}.json"


def keep(found: Tuned) -> Path:
    """Writes the values of a task where comparisons read them, beside its other rows.

    Raises:
        ValueError: the rows that are kept there were tuned otherwise.
        OSError: the file could not be written.
    """
    own = path(found.task)
    if own.exists():
        found = found.joined(Tuned.model_validate_json(own.read_bytes()))
    write_whole(own, found.model_dump_json(indent=1).encode() + b"\n")
    read.cache_clear()
    return own
