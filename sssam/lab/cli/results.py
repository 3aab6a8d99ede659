"""What commands leave and print at their end: pages, tables, and the runs that failed."""

import shlex
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from sssam.lab.cli import terminal
from sssam.lab.cli.studies import Target
from sssam.lab.comparison.values import Comparison
from sssam.lab.report import page as pages
from sssam.lab.report import pooled, sentences, table
from sssam.lab.specs import Record
from sssam.lab.studies import conduct
from sssam.lab.studies.conduct import Decided

#: The columns that a narrow terminal goes without; the page has all.
_DISPENSABLE = (table.SHARE, table.SAM, "runs", "over base")


def failed(records: Iterable[Record]) -> int:
    """Lists those of the records whose runs failed, alike ones together; returns the exit code.

    Runs that diverged are results: the headline counts them, and the exit code is that of success.
    """
    alike: dict[str, list[Record]] = {}
    for record in (record for record in records if record.outcome == "failed"):
        last = (record.error or "unknown").strip().splitlines()[-1]
        alike.setdefault(last, []).append(record)
    for last, those in alike.items():
        run, more = those[0].run, f" and {len(those) - 1} more" if len(those) > 1 else ""
        text = f"failed: {run.method.label} on {run.task.name}, seed {run.seed}{more}: {last}"
        terminal.note(f"{text} (record {those[0].id})")
    if alike:
        kept = "each record keeps its traceback, and --retry-failed trains them anew"
        terminal.note(f"{sum(map(len, alike.values()))} of the study's runs failed; {kept}")
    return 1 if alike else 0


def show(
    what: Target, decided: Sequence[Decided], stored: Mapping[str, Record], quiet: bool
) -> int:
    """Writes and prints the comparison of each task, what they say together, and failed runs.

    Returns the exit code.
    """
    study, command = what.study, shlex.join(["sssam", "compare", str(what.directory)])
    made = [conduct.compared(study, each, stored.values(), what.directory) for each in decided]
    place = conduct.shown_in(what.directory, made)
    for each, comparison in zip(decided, made, strict=True):
        folder = conduct.folder(study, each.part, place)
        page, *_ = pages.write(comparison, folder, command=command)
        if quiet:
            terminal.say(sentences.headline(comparison))
        else:
            present(comparison)
        terminal.say("", f"The page: {page}")
    if len(made) > 1:
        together, written = pooled.write(made, place)
        terminal.say("", together, *([f"The tasks together: {written}"] if written else []))
    if place != what.directory:
        terminal.note(f"runs are missing, a finished page is left as it is: `{command}` goes on")
    return failed(stored.values())


def present(comparison: Comparison) -> None:
    """Prints the table, what must be known beside it, and at the end the headline."""
    console = terminal.console()
    console.print(_fitting(comparison, console.width))
    terminal.say("")
    terminal.say(*(f"* {remark}" for remark in sentences.remarks(comparison)), style="dim")
    terminal.say("", sentences.headline(comparison), style="bold")
    if support := sentences.support(comparison):
        terminal.say(support)


def _fitting(comparison: Comparison, width: int) -> Table:
    """The comparison as a table; columns that a narrow terminal has no room for are on the page."""
    lines = table.cells(comparison)
    whole = terminal.drawn(lines)
    if Console(width=1000).measure(whole).maximum <= width:
        return whole
    some = [[cell for cell in line if cell.name not in _DISPENSABLE] for line in lines]
    return terminal.drawn(some, noted=(table.CONTROL,))
