"""How a command ends before its end: refused for its arguments, failed, or stopped by SIGTERM."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TerminatedError(KeyboardInterrupt):
    """SIGTERM; whatever stops in order at Ctrl-C does so here too."""


@contextmanager
def terminable() -> Iterator[None]:
    """Raises TerminatedError at the first SIGTERM inside; what stops in order is not disturbed.

    Where something else handles the signal it is left alone.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise TerminatedError


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
        raise RefusedError(line(error)) from error


def line(error: BaseException) -> str:
    """An error as one line; of the system's, the path and what is wrong with it.

    >>> line(FileNotFoundError(2, "No such file or directory", "runs.jsonl"))
    "'runs.jsonl': no such file or directory"
    """
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
        if error.filename is not None:
            text = f"{str(error.filename)!r}: {text[:1].lower()}{text[1:]}"
    return " ".join(text.split("\n")).strip() or type(error).__name__
