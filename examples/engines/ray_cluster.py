"""A Ray cluster as an engine, or this machine where no address is given.

sssam compare study.toml --engine examples/engines/ray_cluster.py,address=ray://head:10001
"""

import signal
from concurrent.futures import Executor, Future
from typing import Any

import ray
from ray import exceptions

from sssam.lab.engines import Pool

LOST = (
    exceptions.WorkerCrashedError,
    exceptions.NodeDiedError,
    exceptions.LocalRayletDiedError,
    exceptions.OutOfMemoryError,
    exceptions.ObjectLostError,
)


class RayExecutor(Executor):
    """Each call is a remote task, which Ray does not repeat by itself."""

    def __init__(self, cpus: int) -> None:
        self.cpus = cpus

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """The task's future."""
        task = ray.remote(num_cpus=self.cpus, max_retries=0)(fn)
        future: Future[Any] = task.remote(*args, **kwargs).future()
        return future


def engine(address: str = "", jobs: int = 0, threads: int = 1) -> Pool:
    """As many runs at once as the cluster has CPUs for, unless `jobs` says otherwise."""
    before = signal.getsignal(signal.SIGTERM)
    ray.init(address or None, log_to_driver=False, ignore_reinit_error=True)
    signal.signal(signal.SIGTERM, before)  # Ray would end the command without a last word
    cpus = int(ray.cluster_resources().get("CPU", 1))
    return Pool(RayExecutor(threads), jobs or max(1, cpus // threads), threads, lost=LOST)
