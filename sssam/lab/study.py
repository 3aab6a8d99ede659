"""The runs that have no record yet, on processes that may die: what is finished is kept."""

import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from loky import get_reusable_executor

from sssam.lab import data, methods, records, tasks
from sssam.lab.records import Records
from sssam.lab.specs import Record, Run
from sssam.lab.train import Epoch, train

#: How often a run is tried alone after a worker died on it, before it counts as failed.
ATTEMPTS = 2


class Progress(NamedTuple):
    """A run that ended just now: the `done`-th of `total` that were missing."""

    done: int
    total: int
    record: Record


OnProgress = Callable[[Progress], object]


def missing(runs: Iterable[Run], directory: Path, retry_failed: bool = False) -> list[Run]:
    """The runs that have no record in a directory, each once, in the order given."""
    held = records.read_all(directory).by_id
    wanted = {run.id: run for run in runs}
    return [
        run
        for id_, run in wanted.items()
        if id_ not in held or (retry_failed and held[id_].outcome == "failed")
    ]


def run_missing(
    runs: Sequence[Run],
    directory: Path,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
    retry_failed: bool = False,
) -> Records:
    """Trains the runs without a record and writes one for each; then reads the whole directory.

    Each run writes its record where it is trained, before it is told of, so whatever stops this
    (Ctrl-C, a dead worker, a full disk) the same call goes on with the runs that are left. A run
    whose code raises, or whose worker dies each time that it is tried alone, has a record with
    outcome "failed" and the reason. Files in the directory that are no records are moved into its
    folder `aside` and told of in the result's `problems`.

    Args:
        runs: what to train; runs with a record, and repeated ones, are passed over.
        directory: of the records; made if it is missing.
        jobs: processes, at least 1, with one torch thread each; 1 trains in this process.
        on_progress: called in this process when a run ended.
        on_epoch: called at each epoch's end, where jobs is 1.
        retry_failed: train runs anew whose record says "failed".

    Raises:
        ValueError: jobs below 1; or a task or method that can't be built, before any training.
        FileNotFoundError: a data path that does not exist, before any training.
        OSError: a record could not be written.
        KeyboardInterrupt: at Ctrl-C, with the workers ended.
    """
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}, must be at least 1: the number of processes")
    check(runs)
    problems = records.read_all(directory).problems
    records.set_aside(problems)
    wanted = missing(runs, directory, retry_failed)
    told = _Told(len(wanted), on_progress)
    if jobs == 1:
        for run in wanted:
            told(_run(run, directory, on_epoch))
    elif wanted:
        _on_workers(wanted, directory, min(jobs, len(wanted)), told)
    return Records(records.read_all(directory).by_id, problems)


def check(runs: Iterable[Run]) -> None:
    """Builds every method over a model of one weight, and finds every task's data.

    Raises:
        ValueError: an unknown name, a hyperparameter out of its range, too few examples.
        FileNotFoundError: a data path that does not exist, or holds no data.
    """
    for task in {run.task.model_dump_json(): run.task for run in runs}.values():
        tasks.check(task)
        data.reach(task.data)
    for method in {run.method.model_dump_json(): run.method for run in runs}.values():
        probe = torch.nn.Linear(1, 1, bias=False)
        optimizer = torch.optim.SGD(probe.parameters(), lr=0.1, momentum=0.9)
        methods.build(method, optimizer, total_steps=100, seed=0, model=probe)


class _Told:
    """Counts the runs that ended and tells of each."""

    def __init__(self, total: int, on_progress: OnProgress | None) -> None:
        self.done, self.total, self.on_progress = 0, total, on_progress

    def __call__(self, record: Record) -> None:
        self.done += 1
        if self.on_progress is not None:
            self.on_progress(Progress(self.done, self.total, record))


def _run(run: Run, directory: Path, on_epoch: Callable[[Epoch], object] | None = None) -> Record:
    """Trains one run and writes its record, whatever the run's own code raises."""
    try:
        record = train(run, on_epoch=on_epoch)
    except Exception:  # a study outlives any of its runs; the record keeps the whole traceback
        record = Record(run=run, outcome="failed", error=traceback.format_exc())
    records.write(record, directory)
    return record


def _on_workers(runs: list[Run], directory: Path, jobs: int, told: _Told) -> None:
    """Trains on processes; runs that were under way when one died are tried again, each alone."""
    try:
        for run in _pool(runs, directory, jobs, told):
            for _ in range(ATTEMPTS):
                if not _pool([run], directory, 1, told):
                    break
            else:
                reason = f"the process that trained it died, {ATTEMPTS + 1} times (out of memory?)"
                record = Record(run=run, outcome="failed", error=reason)
                records.write(record, directory)
                told(record)
    except BaseException:
        get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)
        raise


def _pool(runs: list[Run], directory: Path, jobs: int, told: _Told) -> list[Run]:
    """Trains on `jobs` processes; returns the runs that were under way when a process died."""
    waiting, suspects = deque(runs), list[Run]()
    under_way: dict[Future[Record], Run] = {}
    while waiting or under_way:
        while waiting and len(under_way) < jobs:
            run = waiting.popleft()
            under_way[_submit(run, directory, jobs)] = run
        ended, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in ended:
            run = under_way.pop(future)
            if isinstance(future.exception(), BrokenProcessPool):
                suspects += [] if _recorded(run, directory, told) else [run]
            else:
                told(future.result())
    return suspects


def _recorded(run: Run, directory: Path, told: _Told) -> bool:
    """Whether a run was through before its pool broke; then it is told of like any other."""
    path = directory / f"{run.id}.json"
    record = records.read(path) if path.exists() else None
    if record is None or record.outcome == "failed":
        return False
    told(record)
    return True


def _submit(run: Run, directory: Path, jobs: int) -> Future[Record]:
    """Hands a run to the pool of processes, which is a new one after the old one broke."""
    with _workers_deaf_to_ctrl_c():
        executor: Executor = get_reusable_executor(
            max_workers=jobs, timeout=60, initializer=_start_worker, env={"OMP_NUM_THREADS": "1"}
        )
        try:
            return executor.submit(_run, run, directory)
        except BrokenProcessPool as broken:
            failed: Future[Record] = Future()
            failed.set_exception(broken)
            return failed


@contextmanager
def _workers_deaf_to_ctrl_c() -> Iterator[None]:
    """Processes started in here leave Ctrl-C to their parent, from their first instruction on."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
