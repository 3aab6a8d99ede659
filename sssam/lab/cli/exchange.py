"""`sssam export` and `sssam import`."""

from pathlib import Path

from sssam.lab.cli.refusals import RefusedError, refusing


def export(directory: Path, *, out: Path | None = None) -> int:
    """Write a study's records, those of its tuning too, as one file of JSON lines.

    Args:
        directory: Of a study.
        out: The file; default records.jsonl in the directory. A name ending in .gz is compressed.
    """
    from rich.text import Text

    from sssam.lab.cli import terminal
    from sssam.lab.cli.training import tell_problems
    from sssam.lab.report.text import counted
    from sssam.lab.runs import exchange
    from sssam.lab.runs import store as records
    from sssam.lab.studies import conduct

    output, errors = terminal.consoles()
    with refusing():
        folder = directory / conduct.RECORDS
        if not folder.is_dir():
            raise FileNotFoundError(f"{str(directory)!r} has no {conduct.RECORDS}: name a study's")
        path = directory / "records.jsonl" if out is None else out
        if path.is_dir():
            raise IsADirectoryError(f"--out is {str(path)!r}, a directory: name a file")
    stored = records.read_all(folder)
    tell_problems(stored.problems, errors)
    if not stored.by_id:
        raise RefusedError(f"{str(folder)!r} holds no record: nothing was written")
    exchange.export(stored.by_id.values(), path)
    output.print(Text(f"{counted(len(stored.by_id), 'record')}: {path}"), soft_wrap=True)
    return 0


def import_(file: Path, directory: Path) -> int:
    """Take the records of a file of JSON lines into a study's directory.

    A run that has a record there keeps it. Lines that are no records, and records that differ from
    the one there, are listed and not taken; the exit code is then 1.

    Args:
        file: As sssam export writes it, .jsonl or .jsonl.gz.
        directory: Of a study; made if it is missing.
    """
    from rich.text import Text

    from sssam.lab.cli import arguments, terminal
    from sssam.lab.report.text import counted
    from sssam.lab.runs import exchange
    from sssam.lab.studies import conduct

    output, errors = terminal.consoles()
    with refusing():
        taken = exchange.take(file, arguments.directory(directory, "DIRECTORY") / conduct.RECORDS)
    for problem in taken.problems:
        errors.print(Text(f"not taken: {problem}", style="yellow"), soft_wrap=True)
    text = f"{counted(taken.new, 'record')} taken, {taken.known} there before"
    if taken.problems:
        text += f"; {counted(len(taken.problems), 'line')} not taken"
    output.print(Text(text), soft_wrap=True)
    return 1 if taken.problems else 0
