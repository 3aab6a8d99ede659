"""Processes on this machine, by loky: a broken pool is followed by a new one."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import loky
import psutil

from sssam.lab.engines.engine import Engine

#: Seconds after which a worker without work ends; until then, a next study finds it ready.
IDLE_SECONDS = 60

#: Seconds between two looks of a worker at whether its parent lives.
ORPHAN_SECONDS = 0.5


class Local(Engine):
    """Trains in worker processes of this machine, one run at a time in each.

    Their threads sleep while they wait, unless the user has them spin: spinning, as OpenMP would,
    slows a run down a hundredfold where other work has a core.

    Args:
        jobs: processes; default one for each physical core that this process may use.
        threads: torch's in each process; default the cores divided by `jobs`, at least 1.
    """

    shares_fate = True
    on_this_machine = True

    def __init__(self, jobs: int | None = None, threads: int | None = None) -> None:
        cores = loky.cpu_count(only_physical_cores=True)
        jobs = cores if jobs is None else jobs
        super().__init__(jobs, max(1, cores // max(1, jobs)) if threads is None else threads)
        self._most = jobs

    def open(self, directory: Path, runs: int) -> Self:
        """Starts no more processes than there are runs."""
        self.jobs = max(1, min(self._most, runs))
        return self

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """To loky's reusable pool, which is a new one after the old one broke."""
        pool = loky.get_reusable_executor(
            max_workers=self.jobs,
            timeout=IDLE_SECONDS,
            initializer=_start_worker,
            initargs=(os.getpid(),),
            env={
                "OMP_NUM_THREADS": str(self.threads),
                "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive"),
            },
        )
        with _deaf_to_ctrl_c():  # processes are started here where they are missing
            future: Future[Any] = pool.submit(work, *arguments)
        return future

    def close(self, abort: bool) -> None:
        """Leaves the workers to idle, or kills them."""
        pool = loky.get_reusable_executor(reuse=True)  # if the last broke, its workers end first
        if abort:
            pool.shutdown(wait=True, kill_workers=True)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes started in here leave Ctrl-C to their parent, from their first instruction on."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(parent: int) -> None:
    """Leaves Ctrl-C to the parent, and does not outlive it: loky's workers would work on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), name="parent watch", daemon=True).start()


def _end_with(parent: int) -> None:
    # POSIX gives an orphan another parent; elsewhere the number of the old one ceases to exist.
    while os.getppid() == parent and psutil.pid_exists(parent):
        time.sleep(ORPHAN_SECONDS)
    os._exit(1)
