"""`sssam export` and `sssam import`."""

from pathlib import Path

from sssam.lab.cli.options import ExistingFile, Folder, OutFile
from sssam.lab.cli.refusals import refusing


def export(directory: Path, *, out: OutFile = None) -> int:
    """Write a study's records, those of its tuning too, as one file of JSON lines.

    Args:
        directory: Of a study.
        out: The file; default records.jsonl in the directory. A name ending in .gz is compressed.
    """
    from sssam.lab.cli import studies, terminal
    from sssam.lab.report.text import counted
    from sssam.lab.runs import exchange

    stored = studies.records(directory)
    path = directory / "records.jsonl" if out is None else out
    exchange.export(stored.values(), path)
    terminal.say(f"{counted(len(stored), 'record')}: {path}")
    return 0


def import_(file: ExistingFile, directory: Folder) -> int:
    """Take the records of a file of JSON lines into a study's directory.

    A run that has a record there keeps it; where that has other numbers it is listed, and the exit
    code is 1. A file with a line that is no record is refused.

    Args:
        file: As sssam export writes it, .jsonl or .jsonl.gz.
        directory: Of a study; made if it is missing.
    """
    from sssam.lab.cli import terminal
    from sssam.lab.report.text import counted
    from sssam.lab.runs import exchange
    from sssam.lab.studies import conduct

    with refusing():
        taken = exchange.take(file, directory / conduct.RECORDS)
    differing = (f"differs from the record that is there: {name}" for name in taken.differing)
    terminal.note(*differing, style="yellow")
    terminal.say(f"{counted(taken.new, 'record')} taken, {taken.known} there before")
    return 1 if taken.differing else 0
