"""Records as JSON lines: one file to send or to archive, and such a file taken in again."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from sssam.files import write_whole
from sssam.lab import records
from sssam.lab.records import ASIDE
from sssam.lab.specs import Record


class Line(NamedTuple):
    """A line that holds no record, or one that the directory denies; `number` counts from 1."""

    number: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}"


class Taken(NamedTuple):
    """What came of a file of lines.

    `new` records were written, of which `held` others were there before, as they are in the file;
    the lines of `problems` are kept, one after the other, in the file `aside` (None: there are
    none).
    """

    new: int
    held: int
    problems: tuple[Line, ...]
    aside: Path | None


def write(found: Iterable[Record], path: Path) -> None:
    """Writes one record a line, the whole file or none.

    Raises:
        OSError: as the system gives it; the file of before is still there.
    """
    text = "".join(record.model_dump_json() + "\n" for record in found)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())


def take(path: Path, directory: Path) -> Taken:
    """Takes the records of a file of JSON lines into a directory.

    A record that the directory has is left as it is. Lines that are torn or foreign, and records
    that differ from the one there, are told of and kept in the directory's folder `aside`; blank
    lines are passed over. The file itself is not changed, so the same call can be made again.

    Raises:
        OSError: the file can't be read, or the directory not written.
    """
    new, held, problems, kept = 0, 0, list[Line](), list[bytes]()
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        outcome = _take(line, directory)
        new, held = new + (outcome == "new"), held + (outcome == "held")
        if outcome not in ("new", "held"):
            problems.append(Line(number, outcome))
            kept.append(line)
    return Taken(new, held, tuple(problems), _kept(kept, path.name, directory))


def _take(line: bytes, directory: Path) -> str:
    """Writes the record of a line: "new", "held", or the reason why it is not taken."""
    try:
        record = Record.model_validate_json(line)
    except ValidationError as error:
        return records.torn(error)
    there = records.find(record.id, directory)
    if there is None:
        records.write(record, directory)
        return "new"
    return "held" if there == record else f"differs from the record {record.id} that is there"


def _kept(lines: list[bytes], name: str, directory: Path) -> Path | None:
    if not lines:
        return None
    directory.mkdir(parents=True, exist_ok=True)
    path = records.reserved(directory / ASIDE, name)
    write_whole(path, b"\n".join(lines) + b"\n")
    return path
