"""How commands train: on an engine, with progress, and a line on each file that is no record."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sssam.lab import engines
from sssam.lab.cli import arguments, terminal
from sssam.lab.cli.options import How, HowStudies
from sssam.lab.cli.refusals import FailedError, RefusedError, refusing, stoppable
from sssam.lab.runs import checks, dispatch
from sssam.lab.runs import store as records
from sssam.lab.runs.progress import CHOOSING, Purpose, showing
from sssam.lab.runs.worker import Settings
from sssam.lab.specs import Record, Run
from sssam.lab.studies import conduct
from sssam.lab.studies.design import Study
from sssam.lab.training import hardware, ranks


@contextmanager
def leading(how: How) -> Iterator[Callable[..., Record] | None]:
    """As `ranks.leading`.

    Raises:
        RefusedError: the hardware does not go together.
    """
    block = ranks.leading(how.accelerator)
    with refusing():
        train = block.__enter__()
    with ExitStack() as stack:
        stack.push(block)
        yield train


def settings(how: How, train: Callable[..., Record]) -> Settings:
    """The settings of a command; `train` is what `leading` gives."""
    return Settings(accelerator=how.accelerator, logger=how.logger, train=train)


class Trainer:
    """Trains runs that have no record, with progress; gives the records of all asked for so far.

    A record is read once, however often its run is asked for; `stored` holds all so far, by id.

    Raises:
        ValueError: no such logger, or an accelerator that this machine lacks.
        ModuleNotFoundError: the logger's library is not installed.
    """

    def __init__(
        self,
        directory: Path,
        engine: engines.Engine,
        settings: Settings,
        quiet: bool = False,
        retry_failed: bool = False,
    ) -> None:
        self.records = directory / conduct.RECORDS
        self.engine, self.settings, self.quiet = engine, settings, quiet
        self.retry_failed = retry_failed
        checks.check_settings(settings, engine)
        _, self.console = terminal.consoles()
        self.stored: dict[str, Record] = {}

    def __call__(self, asked: Sequence[Run], purpose: Purpose = CHOOSING) -> Mapping[str, Record]:
        """The records of these runs and of those before, by id.

        A run that failed is tried again once a command, if at all.

        Where values are chosen by them, neither the test set nor flatness is measured.

        Raises:
            RefusedError: the engine's library is not installed.
            FailedError: workers keep dying before they begin a run, or lack the accelerator.
            ConnectionError: the engine's cluster can't be reached.
            StoppedError: Ctrl-C or SIGTERM.
        """
        how = self.settings
        if purpose.choosing:
            how = how._replace(test=False, flatness=None)
        new = [run for run in asked if not how.answered_by(self.stored.get(run.id))]
        stored = records.read_runs(new, self.records)
        tell_problems(stored.problems, self.console)
        self.stored |= stored.by_id
        missing = dispatch.missing(new, stored.by_id, how, self.retry_failed)
        if missing:
            self.stored |= self._train(missing, how, purpose)
        return self.stored

    def _train(
        self, missing: Sequence[Run], settings: Settings, purpose: Purpose
    ) -> Mapping[str, Record]:
        kept = f"finished runs are kept in {self.records}; the same command goes on from there"
        try:
            with stoppable(kept), showing(missing, self.console, self.quiet, purpose) as progress:
                return dispatch.run_missing(
                    missing,
                    self.records,
                    settings,
                    engine=self.engine,
                    retry_failed=self.retry_failed,
                    on_record=progress.ended,
                    on_epoch=progress.epoch,
                ).by_id
        except ModuleNotFoundError as error:
            raise RefusedError(str(error)) from error
        except (engines.WorkerLostError, hardware.DeviceError) as error:
            raise FailedError(str(error)) from error


def tell_problems(problems: Iterable[records.Problem], console: Console) -> None:
    """Names the files among the records that are none."""
    for problem in problems:
        console.print(Text(f"passed over, no record: {problem}", style="yellow"))


def engine(how: HowStudies, found: Study | None = None) -> engines.Engine:
    """The engine that a command or its study names; by default a process for each core.

    A user's Python file is run where the command names it, and not where a study does.

    Raises:
        ValueError: no such engine; `jobs` below 1, or beside an engine; either one under torchrun.
        FileNotFoundError: the command names a Python file that does not exist.
    """
    text, jobs = how.engine, how.jobs
    if text is not None and text.split(",")[0].endswith(".py"):
        return engines.load(text)
    if jobs is not None:
        if text is not None:
            raise ValueError(f"--jobs is {jobs} beside --engine: give the engine its own number")
        arguments.at_least_one("--jobs", jobs, "processes")
    named = text if text is not None or found is None or jobs is not None else found.engine
    if hardware.world() > 1:
        return _on_ranks(named, jobs)
    if named is not None:
        return engines.parse(named)
    local = engines.Local(jobs)
    return engines.Here(threads=1) if local.jobs == 1 else local


def _on_ranks(named: str | None, jobs: int | None) -> engines.Engine:
    """Under torchrun a study trains one run after the other, on all ranks."""
    found = engines.Here() if named is None else engines.parse(named)
    if jobs is not None or not found.in_process:
        given = f"--jobs is {jobs}" if named is None else f"the engine is {named!r}"
        raise ValueError(
            f"{given}, but torchrun's ranks train one run together: give --engine here, or start "
            "without torchrun"
        )
    return found
