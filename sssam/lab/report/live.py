"""A page that follows a running study: written anew as records come in, until the last."""

import time
from collections.abc import Callable
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
    told: Callable[[Comparison, Path], object] = lambda comparison, page: None,
    wait: Callable[[float], object] = time.sleep,
) -> pages.Written:
    """Keeps `comparison.html` up to date with the records of a study that runs elsewhere.

    It reads and never trains. Only records that are new or changed are read again, and the page is
    replaced whole, so a browser never sees half of one; in a browser it reads itself anew every few
    seconds, until its reader pauses it. When no run is missing, or at Ctrl-C, all files of the
    comparison are written as `page.write` does, and that page is still.

    Args:
        folder: of the records; it need not exist yet. Files that are no records are passed over.
        compared: records -> comparison, with the task, methods and seeds of the study.
        out: directory of the page; default the folder above the records.
        command: what makes the comparison again, for the page.
        told: called after each writing, with what was compared and the page's path.
        wait: what is done between two looks, given seconds.

    Returns:
        The files, when no run is missing.

    Raises:
        KeyboardInterrupt: at Ctrl-C, after the files were written.
        OSError: a record could not be read, or a file not written.
    """
    directory, watched = folder.parent if out is None else out, _Folder(folder)
    directory.mkdir(parents=True, exist_ok=True)
    comparison = compared(watched.look())
    try:
        while comparison.missing:
            told(comparison, _write(comparison, directory, command))
            while not watched.changed():
                wait(LOOK)
            comparison = compared(watched.look())
    finally:
        written = pages.write(comparison, directory, command)
        told(comparison, written.page)
    return written


def _write(comparison: Comparison, directory: Path, command: str) -> Path:
    path = directory / "comparison.html"
    total = sum(row.runs.total for row in comparison.variants)
    state = pages.Live(total - comparison.missing, total, RELOAD)
    write_whole(path, pages.page(comparison, None, command, state).encode())
    return path


class _Folder:
    """A folder of records, of which each is read once for as long as its file stays the same."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[Path, tuple[int, Record | None]] = {}

    def changed(self) -> bool:
        """Whether `look` would find anything new."""
        return self._stamps() != {path: stamp for path, (stamp, _) in self._read.items()}

    def look(self) -> list[Record]:
        """The records as they are now."""
        before, self._read = self._read, {}
        for path, stamp in self._stamps().items():
            known = before.get(path)
            same = known and known[0] == stamp
            self._read[path] = known if known and same else (stamp, _record(path))
        return [record for _, record in self._read.values() if record is not None]

    def _stamps(self) -> dict[Path, int]:
        """The files by path, each with the time of its last change."""
        stamps = ((path, _stamp(path)) for path in sorted(self.path.glob("[!.]*.json")))
        return {path: stamp for path, stamp in stamps if stamp is not None}


def _stamp(path: Path) -> int | None:
    """When a file was last changed, in nanoseconds; None if it is gone."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _record(path: Path) -> Record | None:
    """A record, or None for a file that is none, or that was taken away in this moment."""
    try:
        return records.read(path)
    except (ValueError, FileNotFoundError):
        return None
