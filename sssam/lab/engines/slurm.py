"""Slurm, by submitit: each run is a job of its own, and may outlive this process."""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, ParamSpec, Self, TypeVar

from sssam.lab.engines.engine import Engine, WorkerLostError, at_least_one, need

P = ParamSpec("P")
T = TypeVar("T")

#: Where in the study's directory submitit keeps scripts, arguments and logs.
FOLDER = ".jobs"

#: Seconds between two looks at the jobs' results; Slurm itself is asked once a minute at most.
LOOK_SECONDS = 0.5


class Slurm(Engine):
    """Trains each run as a Slurm job; a job that is cut goes on from its run's checkpoint.

    The nodes see the study's directory and this Python environment under the same paths. Jobs that
    are queued or running when this process ends stay so; the same command waits for them.

    Args:
        partition: Slurm's; None for its default one.
        jobs: jobs queued or running at once.
        threads: torch's, and the CPUs of a job.
        cluster: "slurm", or "local" to try a study without Slurm: each job is a process here.
        options: further parameters of `submitit.AutoExecutor`, such as timeout_min, mem_gb,
            gpus_per_node, slurm_account.

    Raises:
        ValueError: jobs or threads below 1.
    """

    def __init__(
        self,
        partition: str | None = None,
        jobs: int = 100,
        threads: int = 1,
        cluster: str = "slurm",
        **options: Any,
    ) -> None:
        self._jobs, self.threads = at_least_one("jobs", jobs), at_least_one("threads", threads)
        self._cluster = cluster
        self._options = {
            "name": "sssam",
            "cpus_per_task": self.threads,
            "slurm_partition": partition,
            **options,
        }
        self._folder = Path(FOLDER)
        self._executor: _SlurmExecutor | None = None

    def open(self, directory: Path, runs: int) -> Self:
        """Keeps the jobs' files in the study's directory."""
        self._folder = directory / FOLDER
        return self

    def __enter__(self) -> Self:
        """Finds Slurm's commands, and checks the options.

        Raises:
            ConnectionError: this machine has no Slurm.
            ValueError: an option that submitit does not have.
            ModuleNotFoundError: submitit is not installed.
        """
        submitit = need("submitit", "slurm")
        try:
            auto = submitit.AutoExecutor(folder=self._folder / "%j", cluster=self._cluster)
        except RuntimeError as error:
            raise ConnectionError(
                f"there is no Slurm here ({error}): start this on a login node, where `sbatch` "
                "and `srun` are found"
            ) from error
        try:
            auto.update_parameters(**self._options)
        except (NameError, AssertionError, TypeError) as error:
            raise ValueError(f"an option of the engine 'slurm' is wrong: {error}") from error
        self._executor = _SlurmExecutor(auto, submitit.core.utils)
        return self

    def slots(self) -> int:
        """As many as may be queued or running."""
        return self._jobs

    def executor(self) -> Executor:
        """An executor that submits a job for each call."""
        if self._executor is None:
            raise RuntimeError("the engine 'slurm' is not entered")
        return self._executor

    def lost(self) -> tuple[type[BaseException], ...]:
        """A job that ended without a result: killed, timed out, or its node failed."""
        return (WorkerLostError,)

    def close(self, abort: bool) -> None:
        """Stops to look at the jobs; `abort` cancels those that are not done."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=abort)
        self._executor = None


class _SlurmExecutor(Executor):
    """Standard futures from submitit's jobs, which have no callbacks: one thread looks at them."""

    def __init__(self, auto: Any, errors: Any) -> None:
        self._auto, self._errors = auto, errors
        self._jobs: dict[Future[Any], Any] = {}
        self._lock, self._stop = Lock(), Event()
        self._watcher: Thread | None = None

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        job = self._auto.submit(fn, *args, **kwargs)
        with self._lock:
            self._jobs[future] = job
        if self._watcher is None:
            self._watcher = Thread(target=self._watch, name="slurm jobs", daemon=True)
            self._watcher.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        while wait and self._jobs:
            time.sleep(LOOK_SECONDS)
        self._stop.set()
        if self._watcher is not None:
            self._watcher.join()
        for job in self._jobs.values() if cancel_futures else ():
            job.cancel(check=False)

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            with self._lock:
                jobs = list(self._jobs.items())
            for future, job in jobs:
                if job.done():
                    self._conclude(future, job)
                    with self._lock:
                        del self._jobs[future]

    def _conclude(self, future: Future[Any], job: Any) -> None:
        """Gives a future what its job came to."""
        try:
            future.set_result(job.result())
        except self._errors.FailedJobError as error:  # the work raised; the text has its traceback
            future.set_exception(RuntimeError(str(error)))
        except self._errors.UncompletedJobError as error:
            future.set_exception(WorkerLostError(str(error)))
        except Exception as error:  # a result that can't be read
            future.set_exception(WorkerLostError(f"job {job.job_id}: {error}"))
