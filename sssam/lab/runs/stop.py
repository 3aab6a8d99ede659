"""SIGTERM, as clusters send it, stops a command as Ctrl-C does: in order, with a last word."""

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
