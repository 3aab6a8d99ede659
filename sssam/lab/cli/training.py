"""How commands train: on an engine, with progress, and with a word on what was found aside."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sssam.lab import arguments, conduct, engines, records, study, terminal
from sssam.lab.design import Study
from sssam.lab.refusals import RefusedError, stoppable
from sssam.lab.specs import Record, Run


class Trainer:
    """Trains runs of a study that have no record, with progress; gives the records of all."""

    def __init__(
        self, directory: Path, engine: engines.Engine, quiet: bool, retry_failed: bool = False
    ) -> None:
        self.records = directory / conduct.RECORDS
        self.engine, self.quiet, self.retry_failed = engine, quiet, retry_failed
        _, self.console = terminal.consoles()
        self._retried: set[str] = set()

    def __call__(self, asked: Sequence[Run]) -> Mapping[str, Record]:
        """The records of the runs, by id; a run that failed is tried again once a command.

        Raises:
            RefusedError: the engine's library is not installed.
            ConnectionError: the engine's cluster can't be reached.
            StoppedError: Ctrl-C.
        """
        retry = self.retry_failed and not self._retried >= {run.id for run in asked}
        self._retried |= {run.id for run in asked}
        missing = study.missing(asked, self.records, retry)
        kept = f"finished runs are kept in {self.records}; the same command goes on from there"
        try:
            with stoppable(kept), terminal.watching(missing, self.console, self.quiet) as watch:
                found = study.run_missing(
                    asked,
                    self.records,
                    engine=self.engine,
                    on_progress=lambda p: watch.ended(*p),
                    on_epoch=lambda e: watch.epoch(*e),
                    retry_failed=retry,
                )
        except ModuleNotFoundError as error:
            raise RefusedError(str(error)) from error
        tell_problems(found.problems, self.console)
        return found.by_id


def tell_problems(problems: Iterable[records.Problem], console: Console) -> None:
    """Names the files among the records that are none."""
    for problem in problems:
        console.print(Text(f"passed over, no record: {problem}", style="yellow"))


def engine(text: str | None, jobs: int | None, found: Study | None = None) -> engines.Engine:
    """The engine that a command or its study names; by default a process for each core.

    Raises:
        ValueError: no such engine; or `jobs` below 1, or beside an engine.
    """
    if jobs is not None:
        if text is not None:
            raise ValueError(f"--jobs is {jobs} beside --engine: give the engine its own number")
        arguments.at_least_one("--jobs", jobs, "processes")
    named = text if text is not None or found is None or jobs is not None else found.engine
    if named is not None:
        return engines.parse(named)
    count = arguments.cores() if jobs is None else jobs
    return engines.Here(threads=1) if count == 1 else engines.Local(count)
