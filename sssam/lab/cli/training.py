"""How commands train: on an engine, with progress, and with a word on what was found aside."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sssam.lab import engines
from sssam.lab.cli import arguments, terminal
from sssam.lab.cli.options import How
from sssam.lab.cli.refusals import FailedError, RefusedError, refusing, stoppable
from sssam.lab.runs import store as records
from sssam.lab.runs import study
from sssam.lab.runs.watch import CHOOSING, Stage, Watch
from sssam.lab.specs import Record, Run
from sssam.lab.specs.flatness import Plan
from sssam.lab.studies import conduct
from sssam.lab.studies.design import Study
from sssam.lab.training import hardware, loggers, ranks
from sssam.lab.training.train import train as trained


@contextmanager
def leading(how: How) -> Iterator[Callable[..., Record] | None]:
    """As `ranks.leading`.

    Raises:
        RefusedError: the hardware does not go together.
    """
    block = ranks.leading(how.hardware)
    with refusing():
        train = block.__enter__()
    with ExitStack() as stack:
        stack.push(block)
        yield train


class Trainer:
    """Trains runs of a study that have no record, with progress; gives the records of all.

    `train` is what `ranks.leading` gives.

    Raises:
        ValueError: no such logger, or an accelerator that this machine lacks.
        ModuleNotFoundError: its library is not installed.
    """

    def __init__(
        self,
        directory: Path,
        engine: engines.Engine,
        quiet: bool,
        retry_failed: bool = False,
        how: How | None = None,
        train: Callable[..., Record] = trained,
    ) -> None:
        self.records = directory / conduct.RECORDS
        self.engine, self.quiet, self.retry_failed = engine, quiet, retry_failed
        self.how, self.train = how or How(), train
        study.require_device(engine, self.how.accelerator)
        loggers.check(self.how.logger)
        _, self.console = terminal.consoles()
        self._retried: set[str] = set()

    def __call__(
        self, asked: Sequence[Run], flatness: Plan | None = None, stage: Stage = CHOOSING
    ) -> Mapping[str, Record]:
        """The records of the runs, by id; a run that failed is tried again once a command.

        With `flatness` each trained model is measured by that plan, as `study.run_missing` does.
        `stage` is what progress is told of: that of the tuning, which calls this without more.

        Raises:
            RefusedError: the engine's library is not installed.
            FailedError: workers keep dying before they begin a run, or lack the accelerator.
            ConnectionError: the engine's cluster can't be reached.
            StoppedError: Ctrl-C or SIGTERM.
        """
        retry = self.retry_failed and not self._retried >= {run.id for run in asked}
        self._retried |= {run.id for run in asked}
        missing = study.missing(asked, self.records, retry)
        kept = f"finished runs are kept in {self.records}; the same command goes on from there"
        watching = terminal.watching(missing, self.console, self.quiet, stage)
        try:
            with stoppable(kept), watching as watch:
                found = self._run(asked, retry, flatness, watch)
        except ModuleNotFoundError as error:
            raise RefusedError(str(error)) from error
        except (engines.WorkerLostError, hardware.DeviceError) as error:
            raise FailedError(str(error)) from error
        tell_problems(found.problems, self.console)
        return found.by_id

    def _run(
        self, asked: Sequence[Run], retry: bool, flatness: Plan | None, watch: Watch
    ) -> records.Records:
        return study.run_missing(
            asked,
            self.records,
            engine=self.engine,
            on_progress=lambda p: watch.ended(*p),
            on_epoch=lambda e: watch.epoch(*e),
            retry_failed=retry,
            flatness=flatness,
            accelerator=self.how.accelerator,
            logger=self.how.logger,
            train=self.train,
        )


def tell_problems(problems: Iterable[records.Problem], console: Console) -> None:
    """Names the files among the records that are none."""
    for problem in problems:
        console.print(Text(f"passed over, no record: {problem}", style="yellow"))


def engine(text: str | None, jobs: int | None, found: Study | None = None) -> engines.Engine:
    """The engine that a command or its study names; by default a process for each core.

    Raises:
        ValueError: no such engine; `jobs` below 1, or beside an engine; either one under torchrun.
    """
    if jobs is not None:
        if text is not None:
            raise ValueError(f"--jobs is {jobs} beside --engine: give the engine its own number")
        arguments.processes(jobs)
    named = text if text is not None or found is None or jobs is not None else found.engine
    if hardware.world() > 1:
        return _on_ranks(named, jobs)
    if named is not None:
        return engines.parse(named)
    count = arguments.processes(jobs)
    return engines.Here(threads=1) if count == 1 else engines.Local(count)


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
