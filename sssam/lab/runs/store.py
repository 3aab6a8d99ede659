"""A directory with one JSON file a run, written whole or not at all."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from sssam.lab.specs import Record, Run
from sssam.lab.specs.invalid import complaint
from sssam.runtime.files import write_whole

QUARANTINE = "quarantine"


class BadFile(NamedTuple):
    """A file among the records that is none, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path.name}: {self.reason}"


class Records(NamedTuple):
    """What a directory holds: the records by run id, and the files that are none."""

    by_id: dict[str, Record]
    bad_files: list[BadFile]

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
    of quarantined files, and what another process moves away meanwhile are passed over.
    """
    paths = sorted(directory.iterdir()) if directory.exists() else []
    return _read(p for p in paths if not (p.is_dir() or p.name.startswith(".")))


def read_runs(runs: Iterable[Run], directory: Path) -> Records:
    """The records of these runs alone, and the files of their names that are none."""
    return _read(directory / f"{id_}.json" for id_ in dict.fromkeys(run.id for run in runs))


def find(run_id: str, directory: Path) -> Record | None:
    """The record of a run, if there is one; a file of its name that is no record is quarantined."""
    records = _read([directory / f"{run_id}.json"])
    quarantine(records.bad_files)
    return records.by_id.get(run_id)


def _read(paths: Iterable[Path]) -> Records:
    """The records in files; a path without a file is passed over."""
    records = Records({}, [])
    for path in paths:
        try:
            record = Record.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            continue
        except ValidationError as error:
            records.bad_files.append(BadFile(path, torn(error)))
            continue
        if path.name == f"{record.id}.json":
            records.by_id[record.id] = record
        else:
            text = f"holds the record {record.id}, which its name denies"
            records.bad_files.append(BadFile(path, text))
    return records


def torn(error: ValidationError) -> str:
    """What is wrong with text that is no record, in a few words."""
    return f"torn or foreign ({complaint(error)})"


def quarantine(bad_files: Iterable[BadFile]) -> None:
    """Moves files into the folder `quarantine` beside them, each with the time behind its name."""
    for bad in bad_files:
        folder = bad.path.parent / QUARANTINE
        folder.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):  # another process has moved it
            os.replace(bad.path, folder / f"{bad.path.name}.{time.time_ns()}")
