"""Any `concurrent.futures.Executor`: one of the standard library's, of MPI's, of a cluster's."""

from concurrent.futures import BrokenExecutor, CancelledError, Executor

from sssam.lab.engines.engine import Engine, at_least_one


class Pool(Engine):
    """Trains on an executor that the caller has made, and that the caller shuts down.

    Its workers need this package, and see the study's directory under the same path. What is under
    way when the study is left goes on to its record. A pool that breaks stays broken: the study
    ends with WorkerLostError, finished runs are kept, and the same call with a new pool goes on.

    Args:
        executor: takes functions and arguments by `submit`; those of other processes are pickled.
        jobs: runs under way at once, at least 1; mostly the number of the executor's workers.
        threads: torch's in each worker, at least 1.

    Raises:
        ValueError: jobs or threads below 1.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(2) as executor, Pool(executor, jobs=2) as engine:
        ...     engine.executor().submit(pow, 2, 10).result()
        1024
    """

    def __init__(self, executor: Executor, jobs: int, threads: int = 1) -> None:
        self._executor = executor
        self._jobs = at_least_one("jobs", jobs)
        self.threads = at_least_one("threads", threads)

    def slots(self) -> int:
        """As many as were given."""
        return self._jobs

    def executor(self) -> Executor:
        """The executor that was given."""
        return self._executor

    def lost(self) -> tuple[type[BaseException], ...]:
        """What the standard library says of a broken pool, and of work that was let go of."""
        return (BrokenExecutor, CancelledError)

    def close(self, abort: bool) -> None:
        """Leaves the executor to the caller."""
