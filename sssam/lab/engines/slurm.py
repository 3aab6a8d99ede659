"""Slurm, by submitit: each run is a job of its own, and may outlive this process."""

import importlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from threading import Event, Lock
from typing import Any, Self

from sssam.lab.engines.engine import Engine, WorkerLostError

#: Where in the study's directory submitit keeps scripts, arguments and logs.
FOLDER = ".jobs"

#: Seconds between two looks at a job's result; Slurm itself is asked once a minute at most.
LOOK_SECONDS = 0.5


class Slurm(Engine):
    """Trains each run as a Slurm job; a job that is cut goes on from its run's checkpoint.

    The nodes see the study's directory and this Python environment under the same paths. Jobs that
    are queued or running when this process is killed stay so; the same command waits for them.

    Args:
        partition: Slurm's; None for its default one.
        jobs: jobs queued or running at once.
        threads: torch's, and the CPUs of a job.
        cluster: "slurm", or "local" to try a study without Slurm: each job is a process here.
        options: further parameters of `submitit.AutoExecutor`, such as timeout_min, mem_gb,
            gpus_per_node, slurm_account.
    """

    def __init__(
        self,
        partition: str | None = None,
        jobs: int = 100,
        threads: int = 1,
        cluster: str = "slurm",
        **options: Any,
    ) -> None:
        super().__init__(jobs, threads)
        self._cluster, self._folder = cluster, Path(FOLDER)
        named = {"name": "sssam", "cpus_per_task": threads, "slurm_partition": partition}
        self.options = {**named, **options}
        self._turn = Lock()  # submitit is not made for several threads
        with suppress(ModuleNotFoundError):  # an error when opened: study files need it not
            self._auto("debug" if cluster == "slurm" else cluster)  # without Slurm, alike

    def open(self, directory: Path, runs: int) -> Self:
        """Finds Slurm's commands; the jobs' files lie in the study's directory."""
        self._folder = directory / FOLDER
        try:
            self._executor = self._auto(self._cluster)
        except RuntimeError as error:
            raise ConnectionError(
                f"there is no Slurm here ({error}): start this on a login node, where `sbatch` "
                "and `srun` are found"
            ) from error
        self._threads, self._stop = ThreadPoolExecutor(self.jobs), Event()
        self._submitted: list[Any] = []
        return self

    def _auto(self, cluster: str) -> Any:
        """submitit's executor, with the options."""
        try:
            submitit: Any = importlib.import_module("submitit")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "the engine 'slurm' needs the library 'submitit', which is not installed: "
                "pip install 'sssam[slurm]'"
            ) from error
        self._errors = submitit.core.utils
        auto = submitit.AutoExecutor(self._folder / "%j", cluster)
        try:
            auto.update_parameters(**self.options)
        except (NameError, AssertionError, TypeError) as error:
            raise ValueError(f"an option of the engine 'slurm' is wrong: {error}") from error
        return auto

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Submit as a job; a thread waits for its result."""
        return self._threads.submit(self._wait, work, *arguments)

    def _wait(self, work: Callable[..., Any], *arguments: Any) -> Any:
        try:
            with self._turn:
                job = self._executor.submit(work, *arguments)
        except self._errors.FailedJobError as error:
            raise ConnectionError(
                f"Slurm refused a job ({str(error).strip()}): mend the engine's options, such as "
                "partition, timeout_min or jobs"
            ) from error
        self._submitted.append(job)
        try:
            while not self._is_done(job) and not self._stop.wait(LOOK_SECONDS):
                pass
            return job.result() if self._is_done(job) else None
        except self._errors.FailedJobError as error:  # the work raised; its traceback is the text
            raise RuntimeError(str(error)) from error
        except (self._errors.UncompletedJobError, OSError, EOFError, UnpicklingError) as error:
            raise WorkerLostError(f"job {job.job_id}: {error}") from error

    def _is_done(self, job: Any) -> bool:
        with self._turn:
            return bool(job.done())

    def close(self, abort: bool) -> None:
        """Stops to look at the jobs; `abort` cancels those that are not done."""
        self._stop.set()
        self._threads.shutdown(cancel_futures=True)
        for job in self._submitted if abort else ():
            if not job.done():
                job.cancel(check=False)
