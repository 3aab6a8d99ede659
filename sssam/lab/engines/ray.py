"""A Ray cluster, whose tasks give standard futures."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

from sssam.lab.engines.engine import PATIENCE, Engine, need


class Ray(Engine):
    """Trains on the workers of a Ray cluster, one run at a time in each.

    The workers need this package, and see the study's directory under the same path.

    Args:
        address: "ray://head:10001" from outside the cluster, "head:6379" on one of its nodes; None
            for the cluster that `RAY_ADDRESS` or `ray start` names, or else a new one of this
            machine alone, which ends with the study.
        jobs: runs under way at once; default the CPUs at the beginning divided by `threads`.
        threads: torch's in each worker, and the CPUs that a run asks Ray for.
    """

    def __init__(
        self, address: str | None = None, jobs: int | None = None, threads: int = 1
    ) -> None:
        super().__init__(1 if jobs is None else jobs, threads)
        self.address, self._given = address, jobs
        self._ray: Any = None
        self._ours = False

    def __enter__(self) -> Self:
        """Reaches the cluster within five seconds, or starts one."""
        self._ray = need("ray", "ray")
        if not self._ray.is_initialized():  # else by the program around this: its to end, too
            self._connect()
            self._ours = True
        errors = self._ray.exceptions
        names = ["WorkerCrashed", "NodeDied", "LocalRayletDied", "OutOfMemory", "ObjectLost"]
        self.lost = (*Engine.lost, *(getattr(errors, f"{name}Error") for name in names))
        cpus = int(self._ray.cluster_resources().get("CPU", 1))
        self.jobs = self._given or max(1, cpus // self.threads)
        return self

    def _connect(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            _require_listener(self.address or "")
            if (self.address or "").startswith("ray://"):
                need("grpc", "ray")
            with _sigterm_as_before():
                self._ray.init(self.address, log_to_driver=False)
        except (OSError, RuntimeError, ValueError) as error:  # a ConnectionError is an OSError
            raise ConnectionError(
                f"the Ray cluster {self.address!r} can't be reached ({error}): check that "
                "`ray start --head` runs there, the address, the port (10001 for ray://), the "
                "firewall, and that both sides have one version of Ray and of Python"
            ) from error

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """As a remote task, which Ray does not repeat by itself."""
        task = self._ray.remote(num_cpus=self.threads, max_retries=0)(work)
        future: Future[Any] = task.remote(*arguments).future()
        return future

    def close(self, abort: bool) -> None:
        """Takes leave of the cluster; one that was started here ends, with the work under way."""
        if self._ours:
            self._ray.shutdown()
        self._ours = False


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
    """Tries an address with a port by hand: Ray would try for half a minute, and say less."""
    place = urlsplit(address if "//" in address else f"//{address}")
    if place.hostname is not None and place.port is not None:
        socket.create_connection((place.hostname, place.port), timeout=PATIENCE).close()
