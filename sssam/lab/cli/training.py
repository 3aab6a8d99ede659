"""How commands train: on all ranks of torchrun, or on an engine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sssam.lab import engines
from sssam.lab.cli import terminal
from sssam.lab.cli.options import EngineOptions, TrainingOptions
from sssam.lab.cli.refusals import FailedError, RefusedError, refusing
from sssam.lab.runs.trainer import Trainer
from sssam.lab.runs.worker import Settings
from sssam.lab.specs import Record
from sssam.lab.specs.flatness import Plan
from sssam.lab.studies import conduct
from sssam.lab.training import hardware, ranks


@contextmanager
def leading(how: TrainingOptions) -> Iterator[Callable[..., Record] | None]:
    """As `ranks.leading`.

    Raises:
        RefusedError: the hardware does not go together, or an engine's library is not installed.
        FailedError: workers keep dying before they begin a run, or lack the accelerator.
    """
    block = ranks.leading(how.accelerator)
    with refusing():
        train = block.__enter__()
    with ExitStack() as stack:
        stack.push(block)
        try:
            yield train
        except ModuleNotFoundError as error:
            raise RefusedError(str(error)) from error
        except (engines.WorkerLostError, hardware.DeviceError) as error:
            raise FailedError(str(error)) from error


def trainer(
    directory: Path,
    how: EngineOptions,
    train: Callable[..., Record],
    study_engine: str | None = None,
    flatness: Plan | None = None,
) -> Trainer:
    """What trains runs into a directory; `train` is what `leading` gives.

    Raises:
        ValueError, FileNotFoundError, ModuleNotFoundError: as `_engine` and `Trainer`.
    """
    return Trainer(
        directory / conduct.RECORDS,
        _engine(how.engine, study_engine),
        Settings(accelerator=how.accelerator, logger=how.logger, train=train, flatness=flatness),
        terminal.consoles()[1],
        quiet=how.quiet,
        retry_failed=how.retry_failed,
    )


def _engine(asked: str | None, study_engine: str | None) -> engines.Engine:
    """The engine that a command or its study names; by default a process for each core.

    A user's Python file is run where the command names it, and not where a study does.

    Raises:
        ValueError: no such engine; under torchrun, one whose workers are not its ranks.
        FileNotFoundError: the command names a Python file that does not exist.
    """
    if asked is not None and asked.split(",")[0].endswith(".py"):
        return engines.load(asked)
    named = asked or study_engine
    if hardware.world() == 1:
        local = engines.Local()
        default = engines.Here(threads=1) if local.jobs == 1 else local
        return engines.parse(named) if named else default
    found = engines.parse(named or "here")
    if not found.in_process:
        raise ValueError(
            f"the engine is {named!r}, but torchrun's ranks train one run together: give "
            "--engine here, or start without torchrun"
        )
    return found
