"""How a command ends before its end: refused for its arguments, or stopped by Ctrl-C."""

from collections.abc import Iterator
from contextlib import contextmanager


class RefusedError(Exception):
    """A user's mistake, found before anything is trained; its text is all there is to say."""


class StoppedError(Exception):
    """Ctrl-C while something was trained; the text says what is kept."""


@contextmanager
def refusing() -> Iterator[None]:
    """Turns complaints about arguments into one line; what fails outside keeps its traceback.

    Raises:
        RefusedError: a ValueError, TypeError, FileNotFoundError or ModuleNotFoundError inside.
    """
    try:
        yield
    except (ValueError, TypeError, FileNotFoundError, ModuleNotFoundError) as error:
        raise RefusedError(str(error)) from error


@contextmanager
def stoppable(kept: str) -> Iterator[None]:
    """Says at Ctrl-C what is kept.

    Raises:
        StoppedError: Ctrl-C inside.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        raise StoppedError(f"stopped; {kept}") from stop
