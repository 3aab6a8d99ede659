"""A directory with one JSON file a run, written whole or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from sssam.lab.specs import Record

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


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file under another name, has it put on the disk, then renames it.

    A reader, and a machine that stops at any moment, finds the file of before or the whole new one.

    Raises:
        OSError: as the system gives it; the file of before is still there.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Puts the new name on the disk, where the system can (Windows opens no directories)."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_all(directory: Path) -> Records:
    """All records of a directory, and the files in it that are none; it changes nothing.

    A directory that does not exist has no records. Drafts of a writer that was killed, and the
    folder of files set aside, are passed over.
    """
    found: dict[str, Record] = {}
    problems: list[Problem] = []
    paths = sorted(directory.iterdir()) if directory.exists() else []
    for path in paths:
        if path.is_dir() or path.name.startswith("."):
            continue
        record = _read(path)
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


def _read(path: Path) -> Record | Problem:
    try:
        record = Record.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return Problem(path, f"torn or foreign ({where + ': ' if where else ''}{first['msg']})")
    if path.name != f"{record.id}.json":
        return Problem(path, f"holds the record {record.id}, which its name denies")
    return record


def set_aside(problems: Iterable[Problem]) -> list[Path]:
    """Moves files that are no records into the folder `aside`, so that none is written over.

    Returns their new paths; a name that is taken there gets a number.
    """
    moved = []
    for problem in problems:
        folder = problem.path.parent / ASIDE
        folder.mkdir(exist_ok=True)
        target, number = folder / problem.path.name, 1
        while target.exists():
            target, number = folder / f"{problem.path.name}.{number}", number + 1
        os.replace(problem.path, target)
        moved.append(target)
    return moved
