"""Slurm, by submitit: each run is a job of its own, and may outlive this process."""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, ParamSpec, Self, TypeVar

from sssam.lab.engines.engine import Engine, WorkerLostError, at_least_one, need
from sssam.lab.specs.names import nearest

P = ParamSpec("P")
T = TypeVar("T")

#: Where in the study's directory submitit keeps scripts, arguments and logs.
FOLDER = ".jobs"

#: Where jobs go: Slurm, or processes of this machine.
CLUSTERS = ("slurm", "local")

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
        ValueError: jobs or threads below 1, another cluster, or an option that submitit does not
            have or that is of another type.
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
        if cluster not in CLUSTERS:
            raise ValueError(nearest("cluster", cluster, CLUSTERS))
        self._cluster, self._folder = cluster, Path(FOLDER)
        self._options = {
            "name": "sssam",
            "cpus_per_task": self.threads,
            "slurm_partition": partition,
            **options,
        }
        with suppress(ModuleNotFoundError):  # told when entered: study files are read without it
            self._auto("debug")  # which needs no Slurm, and knows the options of all
        self._executor: _SlurmExecutor | None = None

    def open(self, directory: Path, runs: int) -> Self:
        """Keeps the jobs' files in the study's directory."""
        self._folder = directory / FOLDER
        return self

    def __enter__(self) -> Self:
        """Finds Slurm's commands.

        Raises:
            ConnectionError: this machine has no Slurm.
            ModuleNotFoundError: submitit is not installed.
        """
        try:
            auto = self._auto(self._cluster)
        except RuntimeError as error:
            raise ConnectionError(
                f"there is no Slurm here ({error}): start this on a login node, where `sbatch` "
                "and `srun` are found"
            ) from error
        self._executor = _SlurmExecutor(auto, need("submitit", "slurm").core.utils)
        return self

    def _auto(self, cluster: str) -> Any:
        """submitit's executor, with the options."""
        auto = need("submitit", "slurm").AutoExecutor(self._folder / "%j", cluster)
        try:
            auto.update_parameters(**self._options)
        except (NameError, AssertionError, TypeError) as error:
            raise ValueError(f"an option of the engine 'slurm' is wrong: {error}") from error
        return auto

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
        try:
            job = self._auto.submit(fn, *args, **kwargs)
        except self._errors.FailedJobError as error:
            raise ConnectionError(
                f"Slurm refused a job ({str(error).strip()}): finished runs are kept; mend the "
                "engine's options, such as partition, timeout_min or jobs, and give the command "
                "again"
            ) from error
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
                if self._concluded(future, job):
                    with self._lock:
                        del self._jobs[future]

    def _concluded(self, future: Future[Any], job: Any) -> bool:
        """Gives a future what its job came to, if it has ended."""
        try:
            if not job.done():
                return False
            future.set_result(job.result())
        except self._errors.FailedJobError as error:  # the work raised; the text has its traceback
            future.set_exception(RuntimeError(str(error)))
        except self._errors.UncompletedJobError as error:
            future.set_exception(WorkerLostError(str(error)))
        except Exception as error:  # a folder or a result that can't be read
            future.set_exception(WorkerLostError(f"job {job.job_id}: {error}"))
        return True
