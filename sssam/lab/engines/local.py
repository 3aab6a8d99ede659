"""Processes on this machine, by loky: one that is killed is followed by a new one."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Self

import loky

from sssam.lab.engines.engine import Engine

#: Seconds after which a worker without work ends; until then, a next study finds it ready.
IDLE_SECONDS = 60

#: Seconds between two looks of a worker at whether its parent lives.
ORPHAN_SECONDS = 0.5


class _Worker:
    """A pool of one process, so that a process that is killed takes no other's work with it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.pool = loky.ProcessPoolExecutor(
            1,
            timeout=IDLE_SECONDS,
            initializer=_start_worker,
            initargs=(os.getpid(),),
            env=environment,
        )
        self.last: Future[Any] | None = None

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        with _deaf_to_ctrl_c():  # the process is started here where it is missing
            self.last = self.pool.submit(work, *arguments)
        return self.last


#: The workers of this process, which any engine may use that asks for their environment.
_WORKERS: list[_Worker] = []


class Local(Engine):
    """Trains in worker processes of this machine, one run at a time in each.

    Their threads sleep while they wait, unless the user has them spin: spinning, as OpenMP would,
    slows a run down a hundredfold where other work has a core.

    Args:
        jobs: processes; default one for each physical core that this process may use.
        threads: torch's in each process; default the cores divided by `jobs`, at least 1.
    """

    on_this_machine = True

    def __init__(self, jobs: int | None = None, threads: int | None = None) -> None:
        cores = loky.cpu_count(only_physical_cores=True)
        super().__init__(cores if jobs is None else jobs, 1 if threads is None else threads)
        self._most = self.jobs
        if threads is None:
            self.threads = max(1, cores // self.jobs)

    def open(self, directory: Path, runs: int) -> Self:
        """Starts no more processes than there are runs."""
        self.jobs = max(1, min(self._most, runs))
        return self

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand the work to an idle worker, or to a new one."""
        policy = os.environ.get("OMP_WAIT_POLICY", "passive")
        environment = {"OMP_NUM_THREADS": str(self.threads), "OMP_WAIT_POLICY": policy}
        for worker in list(_WORKERS):
            is_idle = worker.last is None or worker.last.done()
            if is_idle and worker.environment == environment:
                try:
                    return worker.submit(work, *arguments)
                except BrokenExecutor:  # its process was killed
                    _WORKERS.remove(worker)
        _WORKERS.append(_Worker(environment))
        return _WORKERS[-1].submit(work, *arguments)

    def close(self, abort: bool) -> None:
        """Leaves the workers to idle, or kills them."""
        while abort and _WORKERS:
            _WORKERS.pop().pool.shutdown(wait=True, kill_workers=True)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes started in here leave Ctrl-C to their parent, from their first instruction on."""
    resource_tracker.ensure_running()  # its start would let Ctrl-C through again
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
    while os.getppid() == parent:  # an orphan is given another one
        time.sleep(ORPHAN_SECONDS)
    os._exit(1)
