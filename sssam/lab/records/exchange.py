"""Records as JSON lines, CSV and Parquet, and back from JSON lines.

One file a run is what a study writes and reads; these are for other programs, for keeping, and for
joining studies of several machines.
"""

import gzip
import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import ValidationError

from sssam.files import write_whole
from sssam.lab import records
from sssam.lab.specs import Record
from sssam.lab.spreadsheet import leaves, table


class Taken(NamedTuple):
    """What came of an import: records new, records that were there, and lines that are none.

    `aside` is the file that keeps these lines as they were; None if there are none.
    """

    new: int
    known: int
    problems: tuple[str, ...]
    aside: Path | None


def jsonl(found: Iterable[Record]) -> bytes:
    """One record a line, whole: `Record.model_validate_json` reads each back."""
    return "".join(record.model_dump_json() + "\n" for record in found).encode()


def csv(found: Iterable[Record]) -> bytes:
    """One line a record, a value within a value named `value.part`; lists are JSON text.

    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    rows = [{name: _text(value) for name, value in flat(record).items()} for record in found]
    return table(list(dict.fromkeys(name for row in rows for name in row)), rows).encode()


def parquet(found: Iterable[Record]) -> bytes:
    """The same columns with their types; a curve is a list of points."""
    import pyarrow
    from pyarrow import parquet as format_

    rows = [flat(record) for record in found]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    kept = pyarrow.BufferOutputStream()
    format_.write_table(pyarrow.table(columns), kept)
    return bytes(kept.getvalue())


FORMATS: Mapping[str, Callable[[Iterable[Record]], bytes]] = MappingProxyType(
    {"jsonl": jsonl, "csv": csv, "parquet": parquet}
)


def flat(record: Record) -> dict[str, Any]:
    """A record as one row: its id, what was run, what came of it, and where.

    Settings whose names differ by kind (a schedule, options, versions) are JSON text.
    """
    content = record.model_dump(mode="json")
    task, method, environment = content["run"]["task"], content["run"]["method"], "environment"
    as_text = [
        (method, "schedule"),
        (method, "options"),
        (task["model"], "options"),
        (task, "code"),
    ]
    if content[environment] is None:
        del content[environment]
    else:
        as_text.append((content[environment], "versions"))
    for inner, name in as_text:
        inner[name] = json.dumps(inner[name]) if inner[name] else None
    return {"id": record.id, **dict(leaves(content))}


def _text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list) else value


def export(found: Iterable[Record], path: Path, kind: str) -> None:
    """Writes the records into a file, whole or not at all; a name ending in .gz is compressed.

    Raises:
        OSError: the file could not be written; the one of before is still there.
    """
    content = FORMATS[kind](found)
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def take(path: Path, directory: Path) -> Taken:
    """Writes each record of a file of JSON lines into a directory of records.

    A run that has a record there keeps it. Torn and foreign lines are counted, told of, and kept as
    they are in the directory's folder `aside`.

    Raises:
        FileNotFoundError: no such file.
        OSError: a record could not be written.
        ValueError: a name ending in .gz whose content is not compressed, or torn.
    """
    held, new, known = set(records.read_all(directory).by_id), 0, 0
    problems, torn = list[str](), list[bytes]()
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            record = Record.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            problems.append(f"line {number}: {where + ': ' if where else ''}{first['msg']}")
            torn.append(line)
            continue
        if record.id in held:
            known += 1
            continue
        records.write(record, directory)
        held.add(record.id)
        new += 1
    return Taken(new, known, tuple(problems), _kept(path, torn, directory))


def _lines(path: Path) -> list[bytes]:
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise ValueError(f"{path} is no whole gzip file: {error}") from error
    return io.BytesIO(content).readlines()


def _kept(path: Path, lines: list[bytes], directory: Path) -> Path | None:
    """Writes the lines that are no records beside those that the directory set aside before."""
    if not lines:
        return None
    folder = directory / records.ASIDE
    folder.mkdir(parents=True, exist_ok=True)
    target, number = folder / f"{path.name}.lines", 1
    while target.exists():
        target, number = folder / f"{path.name}.{number}.lines", number + 1
    write_whole(target, b"".join(lines))
    return target
