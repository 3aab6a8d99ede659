"""Runs to an engine's workers, which may die, until each has a record."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from pathlib import Path

from sssam.lab.engines import Engine, WorkerLostError
from sssam.lab.runs import claims
from sssam.lab.runs import store as records
from sssam.lab.runs.worker import OnEpoch, Settings, checkpoint_path, give_up, work
from sssam.lab.specs import Record, Run

#: How many deaths of its worker process, without a new checkpoint between, make a run a failed one.
DEATHS = 4

#: From which death on a run is tried alone, where a dying worker takes its neighbours with it.
ALONE_FROM = 2

#: How many workers may be lost in a row, for each slot, with no run begun, before it is an error.
FALSE_STARTS = 10

#: Seconds between two looks at the runs that other processes claim.
LOOK_SECONDS = 0.5


class Dispatcher:
    """Hands runs to an engine that is entered, and tells of each record.

    Runs that other processes train are passed by, and looked at again until they have a record or
    are free. `told` is called in this process, once for each run.
    """

    def __init__(
        self,
        directory: Path,
        engine: Engine,
        settings: Settings,
        told: Callable[[Record], object],
        on_epoch: OnEpoch | None = None,
    ) -> None:
        self.directory, self.engine, self.settings, self.told = directory, engine, settings, told
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

    def __call__(self, runs: Iterable[Run]) -> None:
        """Returns when each run has a record.

        Raises:
            OSError: a record or a checkpoint could not be written, or the cluster has gone.
            WorkerLostError: workers keep dying before they begin anything.
        """
        self.waiting.extend(runs)
        while self.waiting or self.suspects or self.under_way or self.elsewhere:
            self._look_elsewhere()
            self._fill()
            self._collect()

    def _fill(self) -> None:
        """Submits as many runs as there are slots; a suspect only when nothing else is left."""
        if not self.under_way:
            self.alone = False
        while self.waiting and not self.alone and len(self.under_way) < self.engine.slots():
            self._begin(self.waiting.popleft())
        if self.suspects and not self.under_way:
            self.alone = True
            self._begin(self.suspects.popleft())

    def _begin(self, run: Run) -> None:
        """Submits a run, unless another process has done it or is at it."""
        if self._found(run):
            return
        if not claims.free(run.id, self.directory):
            self.elsewhere.append(run)
            return
        self.begun[run.id] = claims.begun(run.id, self.directory)
        self.under_way[self._submitted(run)] = run

    def _submitted(self, run: Run) -> Future[Record | None]:
        arguments = (run, self.directory, self.settings, *self.callback)
        try:
            return self.engine.executor().submit(work, *arguments)
        except self.engine.lost() as error:
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
                self._ended(run, future.result())
            elif isinstance(error, self.engine.lost()):
                self._lost(run)
            else:
                raise error

    def _ended(self, run: Run, record: Record | None) -> None:
        self.false_starts = 0
        if record is None:
            self.elsewhere.append(run)
        else:
            self.told(record)

    def _found(self, run: Run) -> bool:
        """Whether a run has a record by now; then it is told of."""
        record = records.find(run.id, self.directory)
        if record is not None:
            self.told(record)
        return record is not None

    def _lost(self, run: Run) -> None:
        """Puts a run back whose worker died, unless its record is there, or it died too often."""
        if self._found(run):
            return
        if claims.begun(run.id, self.directory) == self.begun[run.id]:
            self._count_false_start()
            self.waiting.appendleft(run)
            return
        self.false_starts = 0
        deaths = self._count_death(run)
        if deaths >= DEATHS:
            reason = f"the process that trained it died, {deaths} times (out of memory?)"
            self._ended(run, give_up(run, self.directory, reason))
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
        if self.false_starts > FALSE_STARTS * self.engine.slots():
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
            if not self._found(run):
                free = claims.free(run.id, self.directory)
                (self.waiting if free else self.elsewhere).append(run)


def _error(future: Future[Record | None]) -> BaseException | None:
    return CancelledError() if future.cancelled() else future.exception()
