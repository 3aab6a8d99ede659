"""A page that follows a running study: written anew as records come in, until the last."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sssam.lab.comparison.values import Comparison
from sssam.lab.report import page as pages
from sssam.lab.runs import store as records
from sssam.lab.specs import Record
from sssam.runtime.files import write_whole

#: Seconds between two looks at the records, and after which the page reads itself anew.
LOOK, RELOAD = 2.0, 5


def live(
    folder: Path,
    compared: Callable[[list[Record]], Comparison],
    *,
    out: Path | None = None,
    command: str = "",
    wait: Callable[[float], object] = time.sleep,
) -> pages.Written:
    """Keeps `comparison.html` up to date with the records of a study that runs elsewhere.

    It reads and never trains. The page is replaced whole, so a browser never sees half of one; in a
    browser it reads itself anew every few seconds, until its reader pauses it. When no run is
    missing, or at Ctrl-C, all files are written as `page.write` does, and that page is still.

    Args:
        folder: of the records; it need not exist yet. Files that are no records are passed over.
        compared: records -> comparison, with the task, methods and seeds of the study.
        out: directory of the page; default the folder above the records.
        command: what makes the comparison again, for the page.
        wait: what is done between two looks, given seconds.

    Returns:
        The files, when no run is missing.

    Raises:
        KeyboardInterrupt: at Ctrl-C, after the files were written.
        OSError: a record could not be read, or a file not written.
    """
    directory = folder.parent if out is None else out
    directory.mkdir(parents=True, exist_ok=True)
    seen = _sizes(folder)
    comparison = compared(list(records.read_all(folder).by_id.values()))
    try:
        while comparison.missing:
            total = sum(variant.runs.total for variant in comparison.variants)
            state = pages.Live(total - comparison.missing, total, RELOAD)
            page = pages.page(comparison, command=command, live=state)
            write_whole(directory / "comparison.html", page.encode())
            while (now := _sizes(folder)) == seen:
                wait(LOOK)
            seen = now
            comparison = compared(list(records.read_all(folder).by_id.values()))
    finally:
        written = pages.write(comparison, directory, command)
    return written


def _sizes(folder: Path) -> dict[str, int]:
    """The records' files by name, each with its size; one that goes meanwhile is passed over."""
    found = {}
    for path in folder.glob("[!.]*.json"):
        with suppress(FileNotFoundError):
            found[path.name] = path.stat().st_size
    return found
