"""A Dask cluster, by the standard executor of its client."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from sssam.lab.engines.engine import PATIENCE, Engine, need


class Dask(Engine):
    """Trains on the workers of a Dask cluster, one run at a time in each worker process.

    The workers need this package, and see the study's directory under the same path. Dask itself
    gives a dead worker's run to another, as often as its `allowed-failures` says. A worker with
    several threads gives them all to torch: `dask worker ADDRESS --nworkers 8 --nthreads 1` trains
    eight small runs at once.

    Args:
        scheduler: its address, such as "tcp://host:8786", or the file that
            `dask scheduler --scheduler-file` wrote.
        jobs: runs under way at once; default one for each worker that there is at the beginning. To
            be given for a cluster that grows.
        threads: torch's in each worker; default the least number of threads that a worker has.
    """

    def __init__(self, scheduler: str, jobs: int | None = None, threads: int | None = None) -> None:
        super().__init__(1 if jobs is None else jobs, 1 if threads is None else threads)
        if scheduler.startswith(("tcp://", "tls://")) and urlsplit(scheduler).port is None:
            raise ValueError(f"the scheduler's address is {scheduler!r}, must end in :PORT")
        self.scheduler, self._given = scheduler, (jobs, threads)
        self._client: Any = None

    def __enter__(self) -> Self:
        """Reaches the scheduler within five seconds, and counts its workers."""
        distributed = need("distributed", "dask")
        self.lost = (*Engine.lost, distributed.KilledWorker)
        key = "address" if "://" in self.scheduler else "scheduler_file"
        try:
            if key != "address":
                Path(self.scheduler).stat()  # Dask would wait for the file without end
            self._client = distributed.Client(
                **{key: self.scheduler}, timeout=PATIENCE, set_as_default=False
            )
        except (OSError, ValueError) as error:  # a TimeoutError is an OSError
            raise ConnectionError(
                f"the Dask scheduler {self.scheduler!r} can't be reached ({error}): check that "
                "`dask scheduler` runs, and the address or file, the port and the firewall"
            ) from error
        workers, (jobs, threads) = self._client.nthreads(), self._given
        if not workers and jobs is None:
            self.close(abort=True)
            raise ConnectionError(
                f"the Dask scheduler {self.scheduler!r} has no workers: start some with "
                "`dask worker`, or give jobs=N if the cluster grows when it has work"
            )
        self.jobs = jobs or len(workers)
        self.threads = threads or min(workers.values(), default=1)
        return self

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """By the client's own executor."""
        if self._client.status != "running":
            raise ConnectionError(f"the Dask scheduler {self.scheduler!r} has gone")
        executor: Executor = self._client.get_executor(pure=False)
        return executor.submit(work, *arguments)

    def close(self, abort: bool) -> None:
        """Takes leave of the scheduler; runs that have begun go on to their record."""
        self._client.close(timeout=PATIENCE)
