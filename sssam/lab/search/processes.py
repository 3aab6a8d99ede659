"""Processes of this machine that do one thing together, and end with the one that started them."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import ParamSpec

from sssam.lab.engines.local import deaf_to_ctrl_c
from sssam.lab.runs.stop import TerminatedError, terminable

P = ParamSpec("P")

#: Seconds that processes have to end in order, all of them together.
_LAST_WORDS = 10.0


def run(
    number: int, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> list[int | None]:
    """Calls a module's function in so many processes; returns their exit codes.

    Left early, by Ctrl-C or SIGTERM, it raises TerminatedError in each of them and waits for their
    end. If this process is killed, the same happens in them.
    """
    context = multiprocessing.get_context("spawn")
    call = (work, args, kwargs)
    workers = [context.Process(target=_worker, args=call) for _ in range(number)]
    try:
        _start(workers)
        for worker in workers:
            worker.join()
    finally:
        _end([worker for worker in workers if worker.pid is not None])
    return [worker.exitcode for worker in workers]


def _start(workers: Sequence[BaseProcess]) -> None:
    """Starts processes that leave Ctrl-C to this one, which passes it on as SIGTERM."""
    if os.name == "posix":  # else the first start does so, and lets Ctrl-C through again
        resource_tracker.ensure_running()
    with deaf_to_ctrl_c():
        for worker in workers:
            worker.start()


def _end(workers: Sequence[BaseProcess]) -> None:
    for worker in workers:
        worker.terminate()
    until = time.monotonic() + _LAST_WORDS
    for worker in workers:
        worker.join(max(0.0, until - time.monotonic()))
        worker.kill()


def _worker(work: Callable[..., object], args: Sequence[object], kwargs: dict[str, object]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with terminable():
            threading.Thread(target=_end_with_parent, name="parent watch", daemon=True).start()
            work(*args, **kwargs)
    except TerminatedError:
        sys.exit(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_LAST_WORDS)
        os._exit(1)
