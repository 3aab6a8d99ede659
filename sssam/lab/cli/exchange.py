"""`sssam export` and `sssam import`."""

from pathlib import Path

from sssam.lab.cli.options import File, Folder, OutFile
from sssam.lab.cli.refusals import RefusedError, refusing


def export(directory: Path, *, out: OutFile = None) -> int:
    """Write a study's records, those of its tuning too, as one file of JSON lines.

    Args:
        directory: Of a study.
        out: The file; default records.jsonl in the directory. A name ending in .gz is compressed.
    """
    from sssam.lab.cli import terminal
    from sssam.lab.report.text import counted
    from sssam.lab.runs import exchange, store
    from sssam.lab.runs.trainer import say_problems
    from sssam.lab.studies import conduct

    stored = store.read_all(directory / conduct.RECORDS)
    say_problems(stored.problems, terminal.console(stderr=True))
    if not stored.by_id:
        raise RefusedError(f"{str(directory)!r} has no {conduct.RECORDS}: name a study's directory")
    path = directory / "records.jsonl" if out is None else out
    exchange.export(stored.by_id.values(), path)
    terminal.say(f"{counted(len(stored.by_id), 'record')}: {path}")
    return 0


def import_(file: File, directory: Folder) -> int:
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
