"""A Dask cluster, reached by the address of its scheduler."""

from concurrent.futures import CancelledError, Executor
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from sssam.lab.engines.engine import PATIENCE, Engine, at_least_one, need


class Dask(Engine):
    """Trains on the workers of a Dask cluster, one run at a time in each worker process.

    The workers need this package, and see the study's directory under the same path. Dask itself
    gives a dead worker's run to another, as often as its `allowed-failures` says. A worker with
    several threads gives them all to torch: `dask worker ADDRESS --nworkers 8 --nthreads 1` trains
    eight small runs at once.

    Args:
        address: of the scheduler, such as "tcp://host:8786".
        scheduler_file: the file that `dask scheduler --scheduler-file` wrote, in place of it.
        jobs: runs under way at once; default one for each worker that there is at the time. To be
            given for a cluster that grows only when it has work.
        threads: torch's in each worker; default the least number of threads that a worker has.

    Raises:
        ValueError: jobs or threads below 1, or not one of address and scheduler_file; an address
            without a port.
    """

    def __init__(
        self,
        address: str | None = None,
        scheduler_file: str | None = None,
        jobs: int | None = None,
        threads: int | None = None,
    ) -> None:
        if (address is None) == (scheduler_file is None):
            raise ValueError(
                "Dask needs the scheduler's address or its scheduler_file, and not both"
            )
        if address and address.startswith(("tcp://", "tls://")) and urlsplit(address).port is None:
            raise ValueError(f"the scheduler's address is {address!r}, must end in :PORT, as :8786")
        self._where = {"address": address} if address else {"scheduler_file": scheduler_file}
        self._name = address or f"that of the file {scheduler_file!r}"
        self._jobs = None if jobs is None else at_least_one("jobs", jobs)
        self._threads = None if threads is None else at_least_one("threads", threads)
        self._client: Any = None
        self._executor: Any = None

    def __enter__(self) -> Self:
        """Reaches the scheduler, and counts its workers.

        Raises:
            ConnectionError: no scheduler answers in five seconds, or it has no workers.
            ModuleNotFoundError: distributed is not installed.
        """
        self._client = self._reached()
        workers = self._client.nthreads()
        if not workers and self._jobs is None:
            self.close(abort=True)
            raise ConnectionError(
                f"the Dask scheduler {self._name} has no workers: start some with `dask worker`, "
                "or give jobs=N if the cluster grows when it has work"
            )
        self.threads = self._threads or min(workers.values(), default=1)
        self._executor = self._client.get_executor(pure=False)
        return self

    def _reached(self) -> Any:
        distributed = need("distributed", "dask")
        file = self._where.get("scheduler_file")
        if file is not None and not Path(file).exists():  # Dask would wait for it without end
            raise ConnectionError(
                f"the Dask scheduler's file {file!r} does not exist: check that `dask scheduler "
                "--scheduler-file` runs, and the path"
            )
        try:
            return distributed.Client(**self._where, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:  # a TimeoutError is an OSError
            raise ConnectionError(
                f"the Dask scheduler {self._name} can't be reached ({error}): check that "
                "`dask scheduler` runs, and the address, the port and the firewall"
            ) from error

    def slots(self) -> int:
        """As many as there are workers now."""
        return self._jobs or max(1, len(self._client.nthreads()))

    def executor(self) -> Executor:
        """The client's own.

        Raises:
            ConnectionError: the scheduler has gone.
        """
        if self._client.status != "running":
            raise ConnectionError(
                f"the Dask scheduler {self._name} has gone: finished runs are kept; start it "
                "again, and give the same command"
            )
        executor: Executor = self._executor
        return executor

    def lost(self) -> tuple[type[BaseException], ...]:
        """What Dask says of a run that several workers died on, and of one that it let go of."""
        return (need("distributed", "dask").KilledWorker, CancelledError)

    def close(self, abort: bool) -> None:
        """Takes leave of the scheduler; runs that have begun go on to their record."""
        if self._executor is not None:
            self._executor.shutdown(wait=False)
        if self._client is not None:
            self._client.close(timeout=PATIENCE)
        self._client = self._executor = None
