"""Records as JSON lines, one a line, and back: for other programs, and for joining studies."""

import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from sssam.lab.runs import store as records
from sssam.lab.specs import Record
from sssam.runtime.files import write_whole

#: What a compressed file begins with, whatever its name.
_GZIP = b"\x1f\x8b"
#: What may differ between two trainings of one run: where and how fast, and what names it.
_BY_CHANCE = frozenset({"run", "seconds", "peak_memory", "environment", "error"})


class Taken(NamedTuple):
    """What came of an import: how many records are new, and how many were there.

    `differing` names records that were there with other numbers, which stay.
    """

    new: int
    known: int
    differing: tuple[str, ...]


def export(given: Iterable[Record], path: Path) -> None:
    """Writes the records into a file, one a line, whole or not at all; .gz is compressed."""
    content = "".join(record.model_dump_json() + "\n" for record in given).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def take(path: Path, directory: Path) -> Taken:
    """Writes each record of a file of JSON lines into a directory; one that is there stays.

    Raises:
        FileNotFoundError, IsADirectoryError: no such file.
        OSError: a record could not be written; the same call goes on.
        ValueError: a file without records, or a line that is none; nothing is written then.
    """
    given, stored = _read(path), records.read_all(directory).by_id
    differing = list[str]()
    for id_, record in given.items():
        if id_ not in stored:
            records.write(record, directory)
        elif names := _differing(record, stored[id_]):
            differing.append(f"{id_} in {names}")
    new = len(given.keys() - stored.keys())
    return Taken(new, len(given) - new, tuple(differing))


def _read(path: Path) -> dict[str, Record]:
    content, read = path.read_bytes(), dict[str, Record]()
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is no whole gzip file: {error}") from error
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            try:
                record = Record.model_validate_json(line)
            except ValidationError as error:
                raise ValueError(f"{path}, line {number}: {records.torn(error)}") from error
            read[record.id] = record
    if not read:
        raise ValueError(f"{path} holds no record: give JSON lines, as `sssam export` writes them")
    return read


def _differing(record: Record, stored: Record) -> str:
    """The names of the numbers in which two records of a run differ, "" if none."""
    names = [name for name in Record.model_fields if name not in _BY_CHANCE]
    return ", ".join(name for name in names if getattr(record, name) != getattr(stored, name))
