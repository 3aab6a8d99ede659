"""What all engines share; any executor of `concurrent.futures` as one; and this process."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from pathlib import Path
from typing import Any, ClassVar, Self


class WorkerLostError(RuntimeError):
    """The process that did a piece of work ended before it gave an answer."""


class Engine(ABC):
    """Where runs are trained; a context that is left without an error only when all are done.

    Use: `open` with the directory, enter, and submit. Left with an error (Ctrl-C too), it stops
    what it can of the work under way.

    Args:
        jobs: runs under way at once, at least 1.
        threads: torch's in each worker, at least 1.

    Raises:
        ValueError: one of them is no whole number, or below 1.
    """

    #: Whether workers have this machine's devices.
    on_this_machine: ClassVar[bool] = False
    #: The errors of a future whose worker ended, as opposed to errors of the work.
    lost: tuple[type[BaseException], ...] = (BrokenExecutor, CancelledError, WorkerLostError)

    def __init__(self, jobs: int = 1, threads: int = 1) -> None:
        for name, value in (("jobs", jobs), ("threads", threads)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r}, must be a whole number, at least 1")
        self.jobs, self.threads = jobs, threads

    def open(self, directory: Path, runs: int) -> Self:
        """Reaches the workers, for so many runs whose records lie in the directory; then enter it.

        Raises:
            ConnectionError, ModuleNotFoundError: what is in the way.
        """
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.close(abort=kind is not None)

    @abstractmethod
    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Has a function of a module called by a worker; the future has what it returns or raises.

        It raises one of `lost` where the workers have gone and the next call has new ones, and
        ConnectionError where the cluster has gone.
        """

    def close(self, abort: bool) -> None:  # noqa: B027 -- there may be nothing to let go of
        """Lets go of the workers; `abort` ends the work under way, where that is possible."""


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
