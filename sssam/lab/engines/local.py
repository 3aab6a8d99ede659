"""Processes on this machine, by loky: a broken pool is followed by a new one."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, Self, TypeVar

import loky
import psutil

from sssam.lab.engines.engine import Engine, at_least_one

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds after which a worker without work ends; until then, a next study finds it ready.
IDLE_SECONDS = 60

#: Seconds between two looks of a worker at whether its parent lives.
ORPHAN_SECONDS = 0.5


class Local(Engine):
    """Trains in worker processes of this machine, one run at a time in each.

    Args:
        jobs: processes; default one for each physical core that this process may use.
        threads: torch's in each process; default the cores divided by `jobs`, at least 1.

    Raises:
        ValueError: jobs or threads below 1.
    """

    shares_fate = True
    on_this_machine = True

    def __init__(self, jobs: int | None = None, threads: int | None = None) -> None:
        cores = loky.cpu_count(only_physical_cores=True)
        self.jobs = cores if jobs is None else at_least_one("jobs", jobs)
        most = max(1, cores // self.jobs)
        self.threads = most if threads is None else at_least_one("threads", threads)
        self._workers = self.jobs

    def open(self, directory: Path, runs: int) -> Self:
        """Starts no more processes than there are runs."""
        self._workers = max(1, min(self.jobs, runs))
        return self

    def slots(self) -> int:
        """As many as there are processes."""
        return self._workers

    def executor(self) -> Executor:
        """loky's reusable pool, which is a new one after the old one broke."""
        pool = loky.get_reusable_executor(
            max_workers=self._workers,
            timeout=IDLE_SECONDS,
            initializer=_start_worker,
            initargs=(os.getpid(),),
            env=self._environment(),
        )
        return _Deaf(pool)

    def _environment(self) -> dict[str, str]:
        """The workers' threads, which sleep while they wait, unless the user has them spin.

        Spinning, as OpenMP would, slows a run down a hundredfold where other work has a core.
        """
        policy = os.environ.get("OMP_WAIT_POLICY", "passive")
        return {"OMP_NUM_THREADS": str(self.threads), "OMP_WAIT_POLICY": policy}

    def lost(self) -> tuple[type[BaseException], ...]:
        """loky's own error, and that of the pool which it left behind."""
        return (BrokenProcessPool,)

    def close(self, abort: bool) -> None:
        """Leaves the workers to idle, or kills them."""
        pool = loky.get_reusable_executor(reuse=True)  # if the last broke, its workers end first
        if abort:
            pool.shutdown(wait=True, kill_workers=True)


class _Deaf(Executor):
    """A pool's submissions, which start its processes where they are missing."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        with deaf_to_ctrl_c():
            return self._pool.submit(fn, *args, **kwargs)


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
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
