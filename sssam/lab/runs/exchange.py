"""Records as JSON lines, one a line, and back: for other programs, and for joining studies."""

import gzip
import io
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
    """What came of an import: records new, records that were there, and what is wrong with others.

    `problems` name, each with its line's number, lines that are no records and records that differ
    from the one there.
    """

    new: int
    known: int
    problems: tuple[str, ...]


def jsonl(found: Iterable[Record]) -> bytes:
    """One record a line, whole: `Record.model_validate_json` reads each back."""
    return "".join(record.model_dump_json() + "\n" for record in found).encode()


def export(found: Iterable[Record], path: Path) -> None:
    """Writes the records into a file, whole or not at all; a name ending in .gz is compressed.

    Raises:
        OSError: the file could not be written; the one of before is still there.
    """
    content = jsonl(found)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def take(path: Path, directory: Path) -> Taken:
    """Writes each record of a file of JSON lines into a directory of records.

    A run that has a record there keeps it. Torn and foreign lines, and records of other numbers
    than the one there, are named.

    Raises:
        FileNotFoundError, IsADirectoryError: no such file.
        OSError: a record could not be written; the same call goes on.
        ValueError: a compressed file that is torn, or a file without any record.
    """
    read = {n: _read(line) for n, line in enumerate(_lines(path), start=1) if line.strip()}
    if not any(isinstance(each, Record) for each in read.values()):
        first = next((f" (line {n}: {each})" for n, each in read.items()), "")
        raise ValueError(
            f"{str(path)!r} holds no record{first}: give JSON lines, as `sssam export` writes them"
        )
    stored, new, problems = records.read_all(directory).by_id, 0, list[str]()
    for number, each in read.items():
        if isinstance(each, str):
            problems.append(f"line {number}: {each}")
        elif each.id not in stored:
            records.write(each, directory)
            stored[each.id] = each
            new += 1
        elif names := _differing(each, stored[each.id]):
            text = f"line {number}: differs from the record {each.id} that is there, in {names}"
            problems.append(text)
    return Taken(new, len(read) - new - len(problems), tuple(problems))


def _lines(path: Path) -> list[bytes]:
    content = path.read_bytes()
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is no whole gzip file: {error}") from error
    return io.BytesIO(content).readlines()


def _read(line: bytes) -> Record | str:
    """The record of a line, or what is wrong with it."""
    try:
        return Record.model_validate_json(line)
    except ValidationError as error:
        return records.torn(error)


def _differing(record: Record, stored: Record) -> str:
    """The names of the numbers in which two records of a run differ, "" if none."""
    names = [name for name in Record.model_fields if name not in _BY_CHANCE]
    found = [name for name in names if getattr(record, name) != getattr(stored, name)]
    return ", ".join(found[:3]) + (" ..." if len(found) > 3 else "")
