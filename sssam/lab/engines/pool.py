"""Any executor of `concurrent.futures`: the standard library's, MPI's, a cluster's; and none."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from sssam.lab.engines.engine import Engine


class Pool(Engine):
    """Trains on an executor that the caller has made, and that the caller shuts down.

    Its workers need this package, and see the directory of the records under the same path. What is
    under way when the engine is left goes on to its record. A pool that breaks stays broken: the
    study ends with WorkerLostError, and the same call with a new pool goes on.

    Args:
        executor: takes functions and arguments by `submit`; those of other processes are pickled.
        jobs: runs under way at once; mostly the number of the executor's workers.
        threads: torch's in each worker.
        lost: the errors of its futures that mean a worker's death, beside the standard library's.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(2) as executor, Pool(executor, jobs=2) as engine:
        ...     engine.submit(pow, 2, 10).result()
        1024
    """

    def __init__(
        self,
        executor: Executor,
        jobs: int,
        threads: int = 1,
        lost: tuple[type[BaseException], ...] = (),
    ) -> None:
        super().__init__(jobs, threads)
        self._executor, self.lost = executor, (*Engine.lost, *lost)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """As the executor does."""
        return self._executor.submit(work, *arguments)


class Here(Engine):
    """Trains in this process, one run after the other.

    It has one thread unless asked for more, as the other engines, so that records agree to the last
    digit.
    """

    on_this_machine = True
    lost = ()  # if this process dies, so does the study

    def __init__(self, threads: int = 1) -> None:
        super().__init__(1, threads)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Does the work before it returns."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:  # the future has whatever the work raises
            future.set_exception(error)
        return future
