"""How a command ends before its end: refused for its arguments, failed, or stopped."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sssam.lab.runs.stop import TerminatedError

if TYPE_CHECKING:  # help and version load nothing heavy
    from rich.console import Console

    from sssam.lab.specs import Task

USAGE, FAILED, INTERRUPTED, TERMINATED = 2, 1, 130, 143

_PACKAGE = Path(__file__).resolve().parents[2]

#: What is wrong with a path that was named, as opposed to what fails on the way.
_OF_PATHS = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


class RefusedError(Exception):
    """A user's mistake, found before anything is trained; its text is all there is to say."""


class FailedError(Exception):
    """What failed on the way, through no mistake of the command's."""


class StoppedError(Exception):
    """Ctrl-C or SIGTERM while something was trained; the text says what is kept."""

    def __init__(self, kept: str, stop: KeyboardInterrupt) -> None:
        by = "stopped by SIGTERM" if isinstance(stop, TerminatedError) else "stopped"
        super().__init__(f"{by}; {kept}" if kept else by)
        self.code = TERMINATED if isinstance(stop, TerminatedError) else INTERRUPTED


@contextmanager
def refusing() -> Iterator[None]:
    """Turns complaints about arguments into one line; what fails outside keeps its traceback.

    Raises:
        RefusedError: a ValueError, TypeError or ModuleNotFoundError inside, or an OSError that
            tells of a path that is not there, is of the wrong kind, or is forbidden.
    """
    try:
        yield
    except (ValueError, TypeError, ModuleNotFoundError, *_OF_PATHS) as error:
        raise RefusedError(said(error)) from error


@contextmanager
def stoppable(kept: str) -> Iterator[None]:
    """Says at Ctrl-C and at SIGTERM what is kept.

    Raises:
        StoppedError: one of them inside.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        raise StoppedError(kept, stop) from stop


@contextmanager
def telling(task: "Task", console: "Console") -> Iterator[None]:
    """Prints of what a user's own task raises the part of the traceback that is the task's.

    Raises:
        FailedError: in place of it, and of a ProblemError; what the task has no part in passes as
            it is.
    """
    from sssam.lab.tasks.examples import ProblemError

    try:
        yield
    except ProblemError as error:
        raise FailedError(f"task {task.name!r}: {error}") from error
    except (Exception, SystemExit) as error:
        frames = _theirs(error, task.code.path) if task.code else []
        if not frames or task.code is None:
            raise
        from rich.text import Text

        lines = "".join(traceback.format_list(frames))
        console.print(Text(f"Traceback of the task:\n{lines}"), soft_wrap=True, end="")
        text = f"the task {task.code.path} raised {type(error).__name__}: {error}"
        raise FailedError(text) from error


def _theirs(error: BaseException, path: str) -> list[traceback.FrameSummary]:
    """What was called from a user's file on; or else in a library, by its model, from us on."""
    frames = list(traceback.extract_tb(error.__traceback__))
    places = [Path(each.filename).resolve() for each in frames]
    if (own := Path(path).resolve()) in places:
        return frames[places.index(own) :]
    ours = max(i for i, place in enumerate(places) if place.is_relative_to(_PACKAGE))
    in_library = ours < len(frames) - 1 and not isinstance(error, OSError)  # the disk's fault
    return frames[ours:] if in_library else []


def said(error: BaseException) -> str:
    """An error as one line; of the system's, the path and what is wrong with it.

    >>> said(FileNotFoundError(2, "No such file or directory", "runs.jsonl"))
    "'runs.jsonl': no such file or directory"
    """
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
        if error.filename is not None:
            text = f"{str(error.filename)!r}: {text[:1].lower()}{text[1:]}"
    return " ".join(text.split("\n")).strip() or type(error).__name__
