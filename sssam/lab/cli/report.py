"""`sssam report`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from sssam.lab.analysis.comparison import Comparison
from sssam.lab.cli import results, studies, terminal
from sssam.lab.cli.refusals import refusing, stoppable
from sssam.lab.pages import live as following
from sssam.lab.specs import Record
from sssam.lab.studies import conduct
from sssam.lab.studies.design import Part


def report(
    directory: Path,
    *,
    live: Annotated[bool, Parameter(negative="")] = False,
    quiet: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write the page, tables and figures of a study's directory from its records; trains nothing.

    Args:
        directory: Of a study, as sssam run and sssam compare leave it.
        live: Follow a study that runs elsewhere: the page is written anew as records come in, and
            reads itself anew in a browser, until no run is missing or Ctrl-C.
        quiet: No table; the headline and the page's path alone.
    """
    output, errors = terminal.consoles()
    with refusing():
        meant = studies.of_directory(directory)
    command = results.repeat(str(directory))
    if live:
        with stoppable("the pages show what there is"):
            for part in meant.study.parts:
                folder = conduct.folder(meant.study, part, directory)
                output.print(Text(f"The page: {folder / 'comparison.html'}"), soft_wrap=True)
                records = directory / conduct.RECORDS
                following.live(
                    records, _compared(meant, part, directory), out=folder, command=command
                )
    found = studies.read(meant, errors)
    results.shown(meant, *found, quiet, command)
    return 0


def _compared(
    meant: studies.Meant, part: Part, directory: Path
) -> Callable[[list[Record]], Comparison]:
    """From records to what can be shown by now; rows whose values are still open have no runs."""

    def compared(found: list[Record]) -> Comparison:
        by_id = {record.id: record for record in found}
        try:
            decided = conduct.decide(meant.study, part, conduct.reader(by_id, part.task.name))
        except conduct.UnfinishedError as unfinished:
            note = f"{unfinished}: until then, rows that are tuned have no runs."
            part_ = part.model_copy(update={"note": note.capitalize()})
            return conduct.compared(meant.study, conduct.undecided(part_), found)
        return conduct.compared(meant.study, decided, found)

    return compared
