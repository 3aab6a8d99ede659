"""From the words of a command line to values, or an error that names the argument."""

from pathlib import Path

import psutil

from sssam.lab import tasks
from sssam.lab.data import nearest
from sssam.lab.specs import Method, Task


def task(name: str, epochs: int | None, data: Path | None) -> Task:
    """The task of that name, with its length and its data as asked for.

    Raises:
        ValueError: no such task, or epochs below 1.
        FileNotFoundError: the data's path does not exist.
    """
    found = tasks.find(name, None if data is None else str(data))
    if epochs is None:
        return found
    length = at_least_one("--epochs", epochs, "passes over the training set")
    return found.model_copy(update={"epochs": length})


def rows(task: Task, labels: str | None) -> list[Method]:
    """The task's rows with these labels, in any case, separated by commas; all of them for None.

    Raises:
        ValueError: no such row, with the nearest ones.
    """
    known = tasks.default_rows(task)
    if labels is None:
        return known
    by_name = {row.label.casefold(): row for row in known}
    wanted = dict.fromkeys(label.strip() for label in labels.split(","))
    for label in wanted:
        if label.casefold() not in by_name:
            raise ValueError(nearest("method", label, [row.label for row in known]))
    return [by_name[label] for label in dict.fromkeys(map(str.casefold, wanted))]


def at_least_one(name: str, value: int, meaning: str) -> int:
    """`value`, if it is at least 1.

    Raises:
        ValueError: it is not; the text tells what the argument means.
    """
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}: {meaning}")
    return value


def directory(folder: Path) -> None:
    """Refuses an output directory that is a file.

    Raises:
        ValueError: it is one.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--out is {str(folder)!r}, which is no directory: name another")


def cores() -> int:
    """The physical cores of this machine."""
    return psutil.cpu_count(logical=False) or 1
