"""Runs to an engine's workers, which may die, until each has a record: what is finished is kept."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field
from pathlib import Path

from sssam.lab import engines
from sssam.lab.engines import Engine, WorkerLostError
from sssam.lab.runs import checks, claims
from sssam.lab.runs import store as records
from sssam.lab.runs.store import Records
from sssam.lab.runs.worker import Settings, checkpoint_path, give_up, work
from sssam.lab.specs import Record, Run
from sssam.lab.training import hardware

#: How many deaths of its worker process, without a new checkpoint between, make a run a failed one.
DEATHS = 4

#: How many workers may be lost in a row, for each slot, with no run begun, before it is an error.
FALSE_STARTS = 10

#: Seconds between two looks at the runs that other processes claim.
LOOK_SECONDS = 0.5

_DEFAULT = Settings()


def missing(
    runs: Iterable[Run], stored: Mapping[str, Record], settings: Settings = _DEFAULT
) -> list[Run]:
    """The runs that the stored records do not answer, each once, in the order given."""
    each_once = {run.id: run for run in runs}.values()
    return [run for run in each_once if not settings.answered_by(stored.get(run.id))]


def run_missing(
    runs: Sequence[Run],
    directory: Path,
    settings: Settings = _DEFAULT,
    *,
    engine: Engine | str = "here",
    on_record: Callable[[Record], object] = lambda record: None,
) -> Records:
    """Trains the runs without a record and writes one for each; returns the records of all.

    Each run writes its record where it is trained, before it is reported, so whatever stops this
    (Ctrl-C, a killed process, a full disk) the same call goes on: with the runs that are left, and
    with each of them from its last checkpoint. Several processes may be at one directory: none
    trains a run that another trains or has trained, and each returns when all runs have a record.

    A run whose code raises, or whose worker dies each time that it is tried, has a record with
    outcome "failed" and the reason. A file of a run's name that is no record is moved into the
    folder `quarantine` and named in the result's `bad_files`.

    Args:
        runs: each is trained once, in their order.
        directory: of the records; made if it is missing.
        settings: how each is trained, but for `threads`, which are the engine's.
        engine: where they are trained, or its text such as "local:4".
        on_record: called in this process with the record of each run that ended.

    Raises:
        ValueError, FileNotFoundError, ConnectionError, ModuleNotFoundError: what `checks` or the
            engine refuse, before any training.
        OSError: a record could not be written, or a cluster has gone.
        WorkerLostError: workers keep dying before they begin a run.
        KeyboardInterrupt: at Ctrl-C, with the workers ended, where the engine can end them.
    """
    chosen = engines.parse(engine) if isinstance(engine, str) else engine
    if chosen.on_this_machine:
        hardware.require(settings.accelerator)
    checks.check_runs(runs)
    directory = directory.absolute()
    stored = records.read_runs(runs, directory)
    records.quarantine(stored.bad_files)
    wanted = missing(runs, stored.by_id, settings)
    if wanted:
        with chosen.open(directory, len(wanted)) as opened:
            settings = settings._replace(threads=opened.threads)
            made = Dispatcher(directory, opened, settings, on_record)(wanted)
        stored.by_id.update(made)
    return Records({run.id: stored.by_id[run.id] for run in runs}, stored.bad_files)


@dataclass
class Dispatcher:
    """Hands runs to an engine that is opened, and gives the record of each.

    Runs that other processes train are passed by, and looked at again until they have a record or
    are free. `on_record` is called in this process, once for each run.
    """

    directory: Path
    engine: Engine
    settings: Settings
    on_record: Callable[[Record], object]
    made: dict[str, Record] = field(default_factory=dict)
    waiting: deque[Run] = field(default_factory=deque)
    elsewhere: list[Run] = field(default_factory=list)
    #: By future, the run and how often it had been begun before.
    under_way: dict[Future[Record | None], tuple[Run, int]] = field(default_factory=dict)
    #: Deaths of a run's workers since its last checkpoint, by its id and the checkpoint's time.
    deaths: Counter[tuple[str, int]] = field(default_factory=Counter)
    false_starts: int = 0
    next_look: float = 0.0

    def __call__(self, runs: Iterable[Run]) -> dict[str, Record]:
        """Returns the records, by run id, when each run has one; raises as `run_missing`."""
        self.waiting.extend(runs)
        while self.waiting or self.under_way or self.elsewhere:
            if time.monotonic() >= self.next_look:
                self.next_look = time.monotonic() + LOOK_SECONDS
                self.waiting.extend(self.elsewhere)
                self.elsewhere.clear()
            while self.waiting and len(self.under_way) < self.engine.jobs:
                self._begin(self.waiting.popleft())
            self._collect()
        return self.made

    def _begin(self, run: Run) -> None:
        """Submits a run, unless another process has done it or is at it."""
        if self._find(run):
            return
        if not claims.free(run.id, self.directory):
            self.elsewhere.append(run)
            return
        begun = claims.begun(run.id, self.directory)
        try:
            future = self.engine.submit(work, run, self.directory, self.settings)
        except self.engine.lost as error:
            future = Future()
            future.set_exception(error)
        self.under_way[future] = run, begun

    def _collect(self) -> None:
        """Waits until a run ends, or until it is time to look at those that are elsewhere."""
        timeout = max(0.0, self.next_look - time.monotonic()) if self.elsewhere else None
        if not self.under_way:
            time.sleep(timeout or 0.0)
            return
        ended, _ = wait(self.under_way, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in ended:
            run, begun = self.under_way.pop(future)
            error = CancelledError() if future.cancelled() else future.exception()
            if error is None:
                self._end(run, future.result())
            elif isinstance(error, self.engine.lost):
                self._lose(run, begun)
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

    def _lose(self, run: Run, begun: int) -> None:
        """Puts a run back whose worker died, unless its record is there, or it died too often."""
        if self._find(run):
            return
        if claims.begun(run.id, self.directory) == begun:
            self._count_false_start()
            self.waiting.appendleft(run)
            return
        self.false_starts = 0
        checkpoint = checkpoint_path(run, self.directory)
        since = run.id, checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        self.deaths[since] += 1
        if self.deaths[since] < DEATHS:
            self.waiting.append(run)
            return
        reason = f"the process that trained it died, {DEATHS} times (out of memory?)"
        self._end(run, give_up(run, self.directory, self.settings, reason))

    def _count_false_start(self) -> None:
        self.false_starts += 1
        if self.false_starts > FALSE_STARTS * self.engine.jobs:
            raise WorkerLostError(
                f"{self.false_starts} workers in a row ended before they began a run: finished "
                "runs are kept; look into the workers' own output, for memory or an import that "
                "fails there, and try the engine 'here'"
            )
