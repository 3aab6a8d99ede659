"""Runs to an engine's workers, which may die, until each has a record: what is finished is kept."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from pathlib import Path

from sssam.lab import engines
from sssam.lab.engines import Engine, WorkerLostError
from sssam.lab.runs import checks, claims
from sssam.lab.runs import store as records
from sssam.lab.runs.store import Records
from sssam.lab.runs.worker import OnEpoch, Settings, checkpoint_path, give_up, tidy, work
from sssam.lab.specs import Record, Run

#: How many deaths of its worker process, without a new checkpoint between, make a run a failed one.
DEATHS = 4

#: From which death on a run is tried alone, where a dying worker takes its neighbours with it.
ALONE_FROM = 2

#: How many workers may be lost in a row, for each slot, with no run begun, before it is an error.
FALSE_STARTS = 10

#: Seconds between two looks at the runs that other processes claim.
LOOK_SECONDS = 0.5

_DEFAULT = Settings()


def missing(
    runs: Iterable[Run],
    stored: Mapping[str, Record],
    settings: Settings = _DEFAULT,
    retry_failed: bool = False,
) -> list[Run]:
    """The runs that the stored records do not answer, each once, in the order given."""

    def is_missing(run: Run) -> bool:
        record = stored.get(run.id)
        if record is not None and record.outcome == "failed":
            return retry_failed
        return not settings.answered_by(record)

    return [run for run in {run.id: run for run in runs}.values() if is_missing(run)]


def run_missing(
    runs: Sequence[Run],
    directory: Path,
    settings: Settings = _DEFAULT,
    *,
    engine: Engine | str = "here",
    retry_failed: bool = False,
    on_record: Callable[[Record], object] = lambda record: None,
    on_epoch: OnEpoch | None = None,
) -> Records:
    """Trains the runs without a record and writes one for each; returns the records of all.

    Each run writes its record where it is trained, before it is reported, so whatever stops this
    (Ctrl-C, a killed process, a full disk) the same call goes on: with the runs that are left, and
    with each of them from its last checkpoint. Several processes may be at one directory: none
    trains a run that another trains or has trained, and each returns when all runs have a record.

    A run whose code raises, or whose worker dies each time that it is tried, has a record with
    outcome "failed" and the reason. A file of a run's name that is no record is moved into the
    folder `aside` and named in the result's `problems`.

    Args:
        runs: what to train; runs with a record, and repeated ones, are passed over.
        directory: of the records; made if it is missing.
        settings: how each of them is trained.
        engine: where to train, as a value or as text (`engines.parse`).
        retry_failed: train runs anew whose record says "failed"; that record is set aside.
        on_record: called in this process when a run ended.
        on_epoch: called at each epoch's end, where the engine is this process.

    Raises:
        ValueError, FileNotFoundError, ConnectionError, ModuleNotFoundError: what `checks` or the
            engine refuse, before any training.
        OSError: a record could not be written, or a cluster has gone.
        WorkerLostError: workers keep dying before they begin a run.
        KeyboardInterrupt: at Ctrl-C, with the workers ended, where the engine can end them.
    """
    chosen = engines.parse(engine) if isinstance(engine, str) else engine
    checks.check_settings(settings, chosen)
    checks.check_runs(runs)
    directory = directory.absolute()
    found = records.read_runs(runs, directory)
    records.set_aside(found.problems)
    wanted = missing(runs, found.by_id, settings, retry_failed)
    _set_failed_aside((found.by_id.get(run.id) for run in wanted), directory)
    if wanted:
        with chosen.open(directory, len(wanted)) as entered:
            settings = settings._replace(threads=entered.threads)
            made = Dispatcher(directory, entered, settings, on_record, on_epoch)(wanted)
        found.by_id.update(made)
    tidy(runs, directory)  # lost workers, former commands' among them, have ended by now
    return Records({run.id: found.by_id[run.id] for run in runs}, found.problems)


def _set_failed_aside(stored: Iterable[Record | None], directory: Path) -> None:
    """Makes room for new records, unless another process has made one or is at it."""
    for record in stored:
        if record is None or record.outcome != "failed":
            continue
        with claims.claim(record.id, directory) as mine:
            if mine and records.find(record.id, directory) == record:
                path = directory / f"{record.id}.json"
                records.set_aside([records.Problem(path, "failed, and tried again")])


class Dispatcher:
    """Hands runs to an engine that is entered, and gives the record of each.

    Runs that other processes train are passed by, and looked at again until they have a record or
    are free. `on_record` is called in this process, once for each run.
    """

    def __init__(
        self,
        directory: Path,
        engine: Engine,
        settings: Settings,
        on_record: Callable[[Record], object],
        on_epoch: OnEpoch | None = None,
    ) -> None:
        self.directory, self.engine, self.settings = directory, engine, settings
        self.on_record, self.made = on_record, dict[str, Record]()
        self.callback = (on_epoch,) if engine.in_process else ()
        self.waiting: deque[Run] = deque()
        self.suspects: deque[Run] = deque()
        self.elsewhere: list[Run] = []
        self.under_way: dict[Future[Record | None], Run] = {}
        self.alone = False
        self.deaths: Counter[str] = Counter()
        self.begun: dict[str, int] = {}
        self.stamps: dict[str, int] = {}
        self.false_starts = 0
        self.next_look = 0.0

    def __call__(self, runs: Iterable[Run]) -> dict[str, Record]:
        """Returns the records, by run id, when each run has one.

        Raises:
            OSError: a record or a checkpoint could not be written, or the cluster has gone.
            WorkerLostError: workers keep dying before they begin anything.
        """
        self.waiting.extend(runs)
        while self.waiting or self.suspects or self.under_way or self.elsewhere:
            self._look_elsewhere()
            self._fill()
            self._collect()
        return self.made

    def _fill(self) -> None:
        """Submits as many runs as there are slots; a suspect only when nothing else is left."""
        if not self.under_way:
            self.alone = False
        while self.waiting and not self.alone and len(self.under_way) < self.engine.jobs:
            self._begin(self.waiting.popleft())
        if self.suspects and not self.under_way:
            self.alone = True
            self._begin(self.suspects.popleft())

    def _begin(self, run: Run) -> None:
        """Submits a run, unless another process has done it or is at it."""
        if self._find(run):
            return
        if not claims.free(run.id, self.directory):
            self.elsewhere.append(run)
            return
        self.begun[run.id] = claims.begun(run.id, self.directory)
        self.under_way[self._submit(run)] = run

    def _submit(self, run: Run) -> Future[Record | None]:
        arguments = (run, self.directory, self.settings, *self.callback)
        try:
            return self.engine.submit(work, *arguments)
        except self.engine.lost as error:
            failed: Future[Record | None] = Future()
            failed.set_exception(error)
            return failed

    def _collect(self) -> None:
        """Waits until a run ends, or until it is time to look at those that are elsewhere."""
        timeout = max(0.0, self.next_look - time.monotonic()) if self.elsewhere else None
        if not self.under_way:
            time.sleep(timeout or 0.0)
            return
        ended, _ = wait(self.under_way, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in ended:
            run, error = self.under_way.pop(future), _error(future)
            if error is None:
                self._end(run, future.result())
            elif isinstance(error, self.engine.lost):
                self._lose(run)
            else:
                raise error

    def _end(self, run: Run, record: Record | None) -> None:
        """Takes a run's record, once; None says that another process has the run."""
        self.false_starts = 0
        if record is None:
            self.elsewhere.append(run)
            return
        self.made[run.id] = record
        self.on_record(record)

    def _find(self, run: Run) -> bool:
        """Whether a run has a record by now; if so it is taken."""
        record = records.find(run.id, self.directory)
        if record is None or not self.settings.answered_by(record):
            return False
        self._end(run, record)
        return True

    def _lose(self, run: Run) -> None:
        """Puts a run back whose worker died, unless its record is there, or it died too often."""
        if self._find(run):
            return
        if claims.begun(run.id, self.directory) == self.begun[run.id]:
            self._count_false_start()
            self.waiting.appendleft(run)
            return
        self.false_starts = 0
        deaths = self._count_death(run)
        if deaths >= DEATHS:
            reason = f"the process that trained it died, {deaths} times (out of memory?)"
            self._end(run, give_up(run, self.directory, self.settings, reason))
        elif self.engine.shares_fate and deaths >= ALONE_FROM:
            self.suspects.append(run)
        else:
            self.waiting.append(run)

    def _count_death(self, run: Run) -> int:
        """Deaths of a run's worker, counted anew from a checkpoint that was written since."""
        checkpoint = checkpoint_path(run, self.directory)
        stamp = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        if stamp != self.stamps.get(run.id, 0):
            self.deaths[run.id] = 0
        self.stamps[run.id] = stamp
        self.deaths[run.id] += 1
        return self.deaths[run.id]

    def _count_false_start(self) -> None:
        self.false_starts += 1
        if self.false_starts > FALSE_STARTS * self.engine.jobs:
            raise WorkerLostError(
                f"{self.false_starts} workers in a row ended before they began a run: finished "
                "runs are kept; look into the workers' own output, for memory or an import that "
                "fails there, and try the engine 'here'"
            )

    def _look_elsewhere(self) -> None:
        """Takes back the runs whose process ended without a record."""
        if not self.elsewhere or time.monotonic() < self.next_look:
            return
        self.next_look = time.monotonic() + LOOK_SECONDS
        looked_at, self.elsewhere = self.elsewhere, []
        for run in looked_at:
            if not self._find(run):
                free = claims.free(run.id, self.directory)
                (self.waiting if free else self.elsewhere).append(run)


def _error(future: Future[Record | None]) -> BaseException | None:
    return CancelledError() if future.cancelled() else future.exception()
