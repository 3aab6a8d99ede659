"""`sssam report`."""

from pathlib import Path

from sssam.lab.cli.options import Flag
from sssam.lab.cli.refusals import refusing


def report(directory: Path, *, quiet: Flag = False) -> int:
    """Write the page, tables and figures of a study's directory from its records; trains nothing.

    Args:
        directory: Of a study, as sssam compare leaves it.
        quiet: No table; the headline and the page's path alone.
    """
    from sssam.lab.cli import results, studies
    from sssam.lab.studies import conduct

    with refusing():
        target = studies.Target(conduct.load(directory), directory)
    return results.show(target, *studies.read(target), quiet)
