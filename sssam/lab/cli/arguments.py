"""From the words of a command line to values, or an error that names the argument."""

import os
from collections.abc import Sequence
from pathlib import Path

from sssam.lab import tasks
from sssam.lab.specs import Method, Precision, Task
from sssam.lab.specs.names import safe
from sssam.lab.studies import words
from sssam.lab.studies.studyfile import MOST_SEEDS


def task(
    name: str, epochs: int | None, data: Path | None, precision: Precision | None = None
) -> Task:
    """The task of that name, with its length, its data and its precision as asked for.

    Raises:
        ValueError: no such task, or epochs below 1.
        FileNotFoundError: the data's path does not exist.
    """
    if epochs is not None:
        at_least_one("--epochs", epochs, "passes over the training set")
    given = {"epochs": epochs, "precision": precision}
    changes = {key: value for key, value in given.items() if value is not None}
    return tasks.find(name, None if data is None else str(data), changes)


def method(task: Task, word: str) -> Method:
    """The one variant that a word names, where its tuning would start.

    Raises:
        ValueError: it names none, or several.
    """
    found = [Method(label="base", kind="base")] if word == "base" else []
    found = found or [each.start for each in words.parse(task, [word])]
    if len(found) != 1:
        raise ValueError(f"--method is {word!r}, which names {len(found)} variants: name one")
    return found[0]


def paths(given: Sequence[str]) -> dict[str, str]:
    """The paths of data by task, from texts TASK=PATH.

    Raises:
        ValueError: a text of another form.
    """
    found = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise ValueError(f"--data is {text!r}, must be TASK=PATH for a study file")
        found[name] = path
    return found


def only_path(given: Sequence[str]) -> Path | None:
    """The one path of data of a task, or None.

    Raises:
        ValueError: there are several.
    """
    if len(given) > 1:
        raise ValueError(f"--data is given {len(given)} times, but one task has one place: name it")
    return Path(given[0]) if given else None


def at_least_one(name: str, value: int, meaning: str) -> int:
    """`value`, if it is at least 1.

    Raises:
        ValueError: it is not; the text tells what the argument means.
    """
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}: {meaning}")
    return value


def seeds(value: int, meaning: str = "paired seeds", name: str = "--seeds") -> int:
    """A number of seeds, at least 1.

    Raises:
        ValueError: it is none, or more than anybody means.
    """
    if value > MOST_SEEDS:
        raise ValueError(
            f"{name} must be at most {MOST_SEEDS}, not {value}: the number of {meaning}"
        )
    return at_least_one(name, value, f"the number of {meaning}")


def directory(folder: Path, name: str = "--out") -> Path:
    """The output directory, unless it is a file, lies in one, or can't be written.

    Raises:
        ValueError: it does.
    """
    for place in (folder, *folder.parents):
        if place.exists():
            wrong = "is no directory" if not place.is_dir() else "can't be written"
            if place.is_dir() and os.access(place, os.W_OK):
                return folder
            which = "which" if place == folder else f"and {str(place)!r}"
            raise ValueError(f"{name} is {str(folder)!r}, {which} {wrong}: name another")
    return folder


def results(name: str, out: Path | None = None, more: str = "") -> Path:
    """The output directory that was asked for, or else the one of a task's or a study's name.

    Raises:
        ValueError: as `directory`.
    """
    return directory(Path("sssam-results", safe(name) + more) if out is None else out)
