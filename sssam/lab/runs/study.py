"""The runs that have no record yet, on workers that may die: what is finished is kept."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sssam.lab import engines
from sssam.lab.engines import Engine, Here, Local
from sssam.lab.runs import checks, claims
from sssam.lab.runs import store as records
from sssam.lab.runs.dispatch import Dispatcher
from sssam.lab.runs.store import Records
from sssam.lab.runs.worker import OnEpoch, Settings, tidy
from sssam.lab.specs import Method, Record, Run, Task
from sssam.lab.specs.flatness import Plan
from sssam.lab.training import hardware, loggers


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
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
    on_epoch: OnEpoch | None = None,
    retry_failed: bool = False,
    *,
    engine: Engine | str | None = None,
    checkpoint_seconds: float = 60.0,
    accelerator: str = "cpu",
    flatness: Plan | None = None,
    logger: str | None = None,
    train: Callable[..., Record] | None = None,
) -> Records:
    """Trains the runs without a record and writes one for each; then reads the whole directory.

    Each run writes its record where it is trained, before it is told of, so whatever stops this
    (Ctrl-C, a killed process, a full disk) the same call goes on: with the runs that are left, and
    with each of them from its last checkpoint. Several processes may be at one study: none trains
    a run that another trains or has trained, and each returns when all runs have a record.

    A run whose code raises, or whose worker dies each time that it is tried, has a record with
    outcome "failed" and the reason: see `Records.failed`. Files in the directory that are no
    records are moved into its folder `aside` and told of in the result's `problems`.

    Args:
        runs: what to train; runs with a record, and repeated ones, are passed over.
        directory: of the records; made if it is missing.
        jobs: processes on this machine, at least 1, in place of `engine`: 1 is "here" with one
            thread, N is "local:N".
        on_progress: called in this process when a run ended.
        on_epoch: called at each epoch's end, where the engine is this process.
        retry_failed: train runs anew whose record says "failed"; that record is set aside.
        engine: where to train, as a value or as text (`engines.parse`); default "here" with one
            thread.
        checkpoint_seconds: least time between two checkpoints of a run, at least 0; a run that
            takes less writes none.
        accelerator: "cpu", "cuda", "mps" or "auto", as Fabric takes them.
        flatness: measure each model by this plan where it is trained, as part of its record. Runs
            that have a record stay as they are.
        logger: which of `sssam.lab.training.loggers.LOGGERS` is told each epoch's numbers; it
            writes in the folder `logs` beside that of the records.
        train: what trains a run; under torchrun what `ranks.leading` gives, on the first rank
            alone.

    Raises:
        ValueError: jobs below 1, or given beside `engine`; an accelerator that this machine lacks;
            an engine that does not exist; a task or method that can't be built; no such logger;
            under torchrun another engine than "here", or no `train`; before any training.
        FileNotFoundError: a data path that does not exist, before any training.
        ConnectionError: the engine's cluster can't be reached, before any training, or has gone.
        ModuleNotFoundError: the engine's library is not installed.
        OSError: a record could not be written.
        WorkerLostError: workers keep dying before they begin a run.
        KeyboardInterrupt: at Ctrl-C, with the workers ended, where the engine can end them.
    """
    chosen = _chosen(engine, jobs)
    settings = Settings(1, checkpoint_seconds, accelerator, flatness, logger, train)
    require_device(chosen, accelerator)
    _check_settings(settings, chosen)
    check(runs)
    directory = directory.absolute()
    problems = records.read_all(directory).problems
    records.set_aside(problems)
    wanted = missing(runs, directory, retry_failed)
    if retry_failed:
        _set_failed_aside(wanted, directory)
    if wanted:
        with chosen.open(directory, len(wanted)) as entered:
            settings = settings._replace(threads=entered.threads)
            told = _Told(len(wanted), on_progress)
            Dispatcher(directory, entered, settings, told, on_epoch)(wanted)
    tidy(runs, directory)  # lost workers, former commands' among them, have ended by now
    return Records(records.read_all(directory).by_id, problems)


def require_device(engine: Engine, accelerator: str) -> None:
    """Refuses an accelerator that the workers do not have, where they are on this machine.

    Raises:
        DeviceError: a ValueError that names the accelerator.
    """
    if engine.on_this_machine:
        hardware.require(accelerator)


def check(runs: Iterable[Run]) -> None:
    """Finds every task's data, and builds every method over the task's own model.

    Raises:
        ValueError: an unknown name, a hyperparameter out of its range, too few examples.
        FileNotFoundError: a data path that does not exist, or holds no data.
    """
    of_tasks: dict[str, tuple[Task, dict[str, Method]]] = {}
    for run in runs:
        _, rows = of_tasks.setdefault(run.task.model_dump_json(), (run.task, {}))
        rows[run.method.model_dump_json()] = run.method
    for task, rows in of_tasks.values():
        checks.check(task, rows.values())


def _chosen(engine: Engine | str | None, jobs: int | None) -> Engine:
    if engine is not None:
        if jobs is not None:
            raise ValueError(f"jobs is {jobs} beside an engine, which has its own: leave it out")
        return engines.parse(engine) if isinstance(engine, str) else engine
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs is {jobs}, must be at least 1: the number of processes")
    return Here(threads=1) if jobs in (None, 1) else Local(jobs)


def _check_settings(settings: Settings, engine: Engine) -> None:
    """Refuses what no run could be trained by; under torchrun all ranks train one run at a time."""
    if not settings.checkpoint_seconds >= 0:
        given = settings.checkpoint_seconds
        raise ValueError(f"checkpoint_seconds is {given}, must be at least 0")
    loggers.check(settings.logger)
    if hardware.world() == 1:
        return
    if not engine.in_process:
        raise ValueError(
            f"the engine is {type(engine).__name__.lower()!r}, must be 'here' under torchrun, "
            "whose ranks train one run together: leave it out, or start without torchrun"
        )
    if settings.train is None:
        raise ValueError(
            "under torchrun a study is the first rank's alone: give train=what `with "
            "sssam.lab.training.ranks.leading(...)` yields, where that is not None"
        )


def _set_failed_aside(runs: Iterable[Run], directory: Path) -> None:
    """Makes room for new records, unless another process has made one or is at it."""
    held = records.read_all(directory).by_id
    for run in runs:
        if run.id not in held or held[run.id].outcome != "failed":
            continue
        with claims.claim(run.id, directory) as mine:
            if mine and records.find(run.id, directory) == held[run.id]:
                path = directory / f"{run.id}.json"
                records.set_aside([records.Problem(path, "failed, and tried again")])


class _Told:
    """Counts the runs that ended and tells of each."""

    def __init__(self, total: int, on_progress: OnProgress | None) -> None:
        self.done, self.total, self.on_progress = 0, total, on_progress

    def __call__(self, record: Record) -> None:
        self.done += 1
        if self.on_progress is not None:
            self.on_progress(Progress(self.done, self.total, record))
