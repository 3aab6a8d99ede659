"""Records as JSON lines, one a line, and back: for other programs, and for joining studies."""

import gzip
import io
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from sssam.lab.runs import store as records
from sssam.lab.specs import Record
from sssam.runtime.files import write_whole


class Taken(NamedTuple):
    """What came of an import: records new, records that were there, and what is wrong with others.

    `problems` tell, each with its line's number, of lines that are no records and of records that
    differ from the one there. `aside` is the file that keeps these lines as they were; None if
    there are none.
    """

    new: int
    known: int
    problems: tuple[str, ...]
    aside: Path | None


def jsonl(found: Iterable[Record]) -> bytes:
    """One record a line, whole: `Record.model_validate_json` reads each back."""
    return "".join(record.model_dump_json() + "\n" for record in found).encode()


#: What a compressed file begins with, whatever its name.
_GZIP = b"\x1f\x8b"


def export(found: Iterable[Record], path: Path) -> None:
    """Writes the records into a file, whole or not at all; a name ending in .gz is compressed.

    Raises:
        OSError: the file could not be written; the one of before is still there.
    """
    content = jsonl(found)
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def take(path: Path, directory: Path) -> Taken:
    """Writes each record of a file of JSON lines into a directory of records.

    A run that has a record there keeps it. Torn and foreign lines, and records of other numbers
    than the one there, are told of and kept as they are in the directory's folder `aside`.

    Raises:
        FileNotFoundError, IsADirectoryError: no such file.
        OSError: a record could not be written; the same call goes on.
        ValueError: a compressed file that is torn, or a file without any record.
    """
    found = _parsed(path)
    held, new, aside = records.read_all(directory).by_id, 0, list[tuple[str, bytes]]()
    for number, line, record in found:
        problem = record if isinstance(record, str) else _differing(record, held)
        if problem:
            aside.append((f"line {number}: {problem}", line))
        elif isinstance(record, Record) and record.id not in held:
            records.write(record, directory)
            held[record.id] = record
            new += 1
    kept = _kept(path, [line for _, line in aside], directory)
    return Taken(new, len(found) - new - len(aside), tuple(told for told, _ in aside), kept)


def _parsed(path: Path) -> list[tuple[int, bytes, Record | str]]:
    """The lines of a file by number, each with its record, or with what is wrong with it."""
    lines = enumerate(_lines(path), start=1)
    found = [(number, line, _read(line)) for number, line in lines if line.strip()]
    if not any(isinstance(each, Record) for *_, each in found):
        reason = f" (line {found[0][0]}: {found[0][2]})" if found else ""
        raise ValueError(
            f"{str(path)!r} holds no record{reason}: give JSON lines, as `sssam export` writes them"
        )
    return found


def _read(line: bytes) -> Record | str:
    try:
        return Record.model_validate_json(line)
    except ValidationError as error:
        return records.torn(error)


#: What may differ between two trainings of one run: where and how fast, and what names it.
_BY_CHANCE = frozenset({"run", "seconds", "peak_memory", "environment", "error"})


def _differing(record: Record, held: Mapping[str, Record]) -> str:
    """In which numbers a record differs from the one that is there, in words; "" if in none."""
    there = held.get(record.id, record)
    names = [name for name in Record.model_fields if name not in _BY_CHANCE]
    found = [name for name in names if getattr(record, name) != getattr(there, name)]
    if not found:
        return ""
    more = " ..." if len(found) > 3 else ""
    return f"differs from the record {record.id} that is there, in {', '.join(found[:3])}{more}"


def _lines(path: Path) -> list[bytes]:
    content = path.read_bytes()
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is no whole gzip file: {error}") from error
    return io.BytesIO(content).readlines()


def _kept(path: Path, lines: list[bytes], directory: Path) -> Path | None:
    """Writes lines that were not taken beside those that the directory set aside before."""
    if not lines:
        return None
    directory.mkdir(parents=True, exist_ok=True)
    target = records.reserved(directory / records.ASIDE, f"{path.name}.lines")
    write_whole(target, b"".join(lines))
    return target
