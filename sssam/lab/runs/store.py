"""A directory with one JSON file a run, written whole or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from sssam.lab.specs import Record, Run
from sssam.lab.specs.invalid import complaint
from sssam.runtime.files import write_whole

ASIDE = "aside"


class Problem(NamedTuple):
    """A file among the records that is none, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path.name}: {self.reason}"


class Records(NamedTuple):
    """What a directory holds: the records by run id, and the files that are none."""

    by_id: dict[str, Record]
    problems: tuple[Problem, ...]

    def failed(self) -> list[Record]:
        """The records whose run raised or lost its process; the reason is in `error`."""
        return [record for record in self.by_id.values() if record.outcome == "failed"]


def write(record: Record, directory: Path) -> Path:
    """Writes `<id>.json`, on the disk before it has its name; returns the path.

    Raises:
        OSError: the disk is full, or the directory can't be written; earlier records are as before.
    """
    path = directory / f"{record.id}.json"
    directory.mkdir(parents=True, exist_ok=True)
    try:
        write_whole(path, record.model_dump_json(indent=1).encode() + b"\n")
    except OSError as error:
        raise OSError(
            error.errno,
            f"the record {path.name} could not be written: {error.strerror}. Earlier records are "
            f"safe; make room in {str(directory)!r} and give the same command again",
        ) from error
    return path


def read_all(directory: Path) -> Records:
    """All records of a directory, and the files in it that are none; it changes nothing.

    A directory that does not exist has no records. Drafts of a writer that was killed, the folder
    of files set aside, and what another process moves away meanwhile are passed over.
    """
    paths = sorted(directory.iterdir()) if directory.exists() else []
    return _read_each(p for p in paths if not (p.is_dir() or p.name.startswith(".")))


def read_runs(runs: Iterable[Run], directory: Path) -> Records:
    """The records of these runs alone, and the files of their names that are none."""
    return _read_each(directory / f"{id_}.json" for id_ in dict.fromkeys(run.id for run in runs))


def _read_each(paths: Iterable[Path]) -> Records:
    """A path without a file is passed over."""
    found: dict[str, Record] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            record = _read(path)
        except FileNotFoundError:
            continue
        if isinstance(record, Problem):
            problems.append(record)
        else:
            found[record.id] = record
    return Records(found, tuple(problems))


def read(path: Path) -> Record:
    """One record.

    Raises:
        ValueError: the file is torn or no record.
        OSError: it can't be read.
    """
    record = _read(path)
    if isinstance(record, Problem):
        raise ValueError(f"{path} is no record: {record.reason}")
    return record


def find(run_id: str, directory: Path) -> Record | None:
    """The record of a run, if there is one; a file of its name that is no record is set aside.

    Raises:
        OSError: the file can't be read or moved.
    """
    path = directory / f"{run_id}.json"
    try:
        record = _read(path)
    except FileNotFoundError:
        return None
    if isinstance(record, Problem):
        set_aside([record])
        return None
    return record


def _read(path: Path) -> Record | Problem:
    try:
        record = Record.model_validate_json(path.read_bytes())
    except ValidationError as error:
        return Problem(path, torn(error))
    if path.name != f"{record.id}.json":
        return Problem(path, f"holds the record {record.id}, which its name denies")
    return record


def torn(error: ValidationError) -> str:
    """What is wrong with text that is no record, in a few words."""
    return f"torn or foreign ({complaint(error)})"


def set_aside(problems: Iterable[Problem]) -> list[Path]:
    """Moves files into the folder `aside` beside them, so that none is written over.

    Returns their new paths; a name that is taken there gets a number, and a file that another
    process has moved is passed over.
    """
    moved = []
    for problem in problems:
        target = reserved(problem.path.parent / ASIDE, problem.path.name)
        try:
            os.replace(problem.path, target)
        except FileNotFoundError:
            target.unlink()
        else:
            moved.append(target)
    return moved


def reserved(folder: Path, name: str) -> Path:
    """An empty file of that name, or of the name with a number, that only this caller has made."""
    folder.mkdir(exist_ok=True)
    target, number = folder / name, 0
    while True:
        try:
            target.touch(exist_ok=False)
        except FileExistsError:
            number += 1
            target = folder / f"{name}.{number}"
        else:
            return target
