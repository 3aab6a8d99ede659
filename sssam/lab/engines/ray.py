"""A Ray cluster, behind the standard executor interface, which Ray itself has none of."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar
from urllib.parse import urlsplit

from sssam.lab.engines.engine import PATIENCE, Engine, at_least_one, need

P = ParamSpec("P")
T = TypeVar("T")


class Ray(Engine):
    """Trains on the workers of a Ray cluster, one run at a time in each.

    The workers need this package, and see the study's directory under the same path.

    Args:
        address: "ray://head:10001" from outside the cluster, "head:6379" on one of its nodes; None
            for the cluster that `RAY_ADDRESS` or `ray start` names, or else a new one of this
            machine alone, which ends with the study.
        jobs: runs under way at once; default the cluster's CPUs divided by `threads`.
        threads: torch's in each worker, and the CPUs that a run asks Ray for.

    Raises:
        ValueError: jobs or threads below 1.
    """

    def __init__(
        self, address: str | None = None, jobs: int | None = None, threads: int = 1
    ) -> None:
        self._address = address
        self._jobs = None if jobs is None else at_least_one("jobs", jobs)
        self.threads = at_least_one("threads", threads)
        self._ray: Any = None
        self._ours = False

    def __enter__(self) -> Self:
        """Reaches the cluster, or starts one.

        Raises:
            ConnectionError: no cluster answers in five seconds.
            ModuleNotFoundError: ray, or what it needs for "ray://", is not installed.
        """
        self._ray = need("ray", "ray")
        if self._ray.is_initialized():  # by the program around this: its to end, too
            return self
        if self._address is not None:
            _require_listener(self._address)
            if self._address.startswith("ray://"):
                need("grpc", "ray")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            with _sigterm_as_before():
                self._ray.init(self._address, log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConnectionError(
                f"the Ray cluster {self._address!r} can't be reached ({error}): check the address, "
                "and that both sides have one version of Ray and of Python"
            ) from error
        self._ours = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Takes leave; Ray's own words for a cluster that has gone say too little.

        Raises:
            ConnectionError: the cluster has gone.
        """
        super().__exit__(kind, error, trace)
        if isinstance(error, ConnectionError):
            raise ConnectionError(
                f"the Ray cluster {self._address!r} has gone ({error}): finished runs are kept; "
                "start it again, and give the same command"
            ) from error

    def slots(self) -> int:
        """As many runs as there are CPUs now, for the threads that each one has."""
        cpus = int(self._ray.cluster_resources().get("CPU", 1))
        return self._jobs or max(1, cpus // self.threads)

    def executor(self) -> Executor:
        """An executor of remote tasks, which Ray does not repeat by itself."""
        return _RayExecutor(self._ray, num_cpus=self.threads, max_retries=0)

    def lost(self) -> tuple[type[BaseException], ...]:
        """What Ray says of a dead worker or node, and of a worker that it ended for its memory."""
        errors = self._ray.exceptions
        return (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.LocalRayletDiedError,
            errors.OutOfMemoryError,
            errors.ObjectLostError,
        )

    def close(self, abort: bool) -> None:
        """Takes leave of the cluster; one that was started here ends, with the work under way."""
        if self._ours:
            self._ray.shutdown()
        self._ours = False


class _RayExecutor(Executor):
    def __init__(self, ray: Any, **options: Any) -> None:
        self._ray, self._options = ray, options

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        remote = self._ray.remote(**self._options)(fn)
        future: Future[T] = remote.remote(*args, **kwargs).future()
        return future


@contextmanager
def _sigterm_as_before() -> Iterator[None]:
    """Undoes what Ray does to SIGTERM: it would leave this process without a last word."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is not before:  # never so in another thread
            signal.signal(signal.SIGTERM, before)


def _require_listener(address: str) -> None:
    """Tries the address by hand: Ray would try for half a minute, and say less."""
    place = urlsplit(address if "//" in address else f"//{address}")
    if place.hostname is None or place.port is None:
        return  # "auto", "local": Ray's own words
    try:
        socket.create_connection((place.hostname, place.port), timeout=PATIENCE).close()
    except OSError as error:
        raise ConnectionError(
            f"the Ray cluster {address!r} can't be reached ({error}): check that "
            "`ray start --head` runs there, and the address, the port (10001 for ray://) and the "
            "firewall"
        ) from error
