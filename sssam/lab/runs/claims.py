"""Who trains which run: a lock that the system drops when its process ends, however it ends.

Processes on one machine never train the same run. Machines that share a directory never do either
where its file system passes locks between them: NFS from version 4, Lustre mounted with `flock`,
GPFS, BeeGFS with `tuneUseGlobalFileLocks`. Where it keeps them to each machine, two machines may
train the same run: time is lost then, and no record, since both write the same one, whole.
"""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

FOLDER = ".claims"
_NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)


@contextmanager
def claim(run_id: str, directory: Path) -> Iterator[bool]:
    """Yields whether the run is this process's alone until the block ends; it never waits.

    Where the file system knows no locks, it warns and yields True.

    Raises:
        OSError: the directory can't be written.
    """
    (directory / FOLDER).mkdir(parents=True, exist_ok=True)
    lock = FileLock(_path(run_id, directory, "lock"), fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _warn(directory)
    try:
        yield True
    finally:
        lock.release()


def free(run_id: str, directory: Path) -> bool:
    """Whether no living process claims the run at this moment."""
    if not _path(run_id, directory, "lock").exists():
        return True
    with claim(run_id, directory) as mine:
        return mine


def begin(run_id: str, directory: Path) -> None:
    """Notes, for those who look after a process died, that a claimed run was begun by this one."""
    (directory / FOLDER).mkdir(parents=True, exist_ok=True)
    with _path(run_id, directory, "begun").open("a") as file:
        file.write("x")


def begun(run_id: str, directory: Path) -> int:
    """How many times a run without a record was begun."""
    path = _path(run_id, directory, "begun")
    return path.stat().st_size if path.exists() else 0


def settle(run_id: str, directory: Path) -> None:
    """Removes the files of this process's claim on a run whose record is written.

    Who claims the run from now on does so on a new file, and finds the record.
    """
    _path(run_id, directory, "begun").unlink(missing_ok=True)
    _path(run_id, directory, "lock").unlink(missing_ok=True)


def _path(run_id: str, directory: Path, kind: str) -> Path:
    return directory / FOLDER / f"{run_id}.{kind}"


def _warn(directory: Path) -> None:
    warnings.warn(
        f"the file system of {str(directory)!r} has no locks: start no second process on this "
        "study, or it may train the same runs",
        RuntimeWarning,
        stacklevel=4,
    )
