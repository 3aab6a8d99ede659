"""`sssam report`."""

from pathlib import Path

from sssam.lab.cli.options import Axis, Flag
from sssam.lab.cli.refusals import refusing, stoppable


def report(
    directory: Path, *, axis: Axis = "passes", live: Flag = False, quiet: Flag = False
) -> int:
    """Write the page, tables and figures of a study's directory from its records; trains nothing.

    Args:
        directory: Of a study, as sssam run and sssam compare leave it.
        axis: Price over which the main figure is drawn first, and in its files.
        live: Follow a study that runs elsewhere: the page is written anew as records come in, and
            reads itself anew in a browser, until no run is missing or Ctrl-C.
        quiet: No table; the headline and the page's path alone.
    """
    from sssam.lab.cli import results, studies, terminal

    _, errors = terminal.consoles()
    with refusing():
        target = studies.of_directory(directory)
    command = results.repeat(directory)
    if live:
        with stoppable("the pages show what there is"):
            results.follow(target, command)
    found = studies.read(target, errors)
    results.show(target, *found, quiet, command, axis)
    return 0
