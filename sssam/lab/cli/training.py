"""How commands train: on an engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sssam.lab import engines
from sssam.lab.cli import terminal
from sssam.lab.cli.options import EngineOptions
from sssam.lab.cli.refusals import FailedError, RefusedError
from sssam.lab.runs.trainer import Trainer
from sssam.lab.runs.worker import Settings
from sssam.lab.specs.flatness import FlatnessSettings
from sssam.lab.studies import conduct
from sssam.lab.training import hardware


@contextmanager
def failing() -> Iterator[None]:
    """Says in one line what fails on the way through no fault of any run.

    Raises:
        RefusedError: an engine's library is not installed.
        FailedError: workers keep dying before they begin a run, or lack the accelerator.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise RefusedError(str(error)) from error
    except (engines.WorkerLostError, hardware.DeviceError) as error:
        raise FailedError(str(error)) from error


def trainer(
    directory: Path,
    how: EngineOptions,
    study_engine: str | None = None,
    flatness: FlatnessSettings | None = None,
) -> Trainer:
    """What trains runs into a directory.

    Raises:
        ValueError, FileNotFoundError, ModuleNotFoundError: as `engines.chosen` and `Trainer`.
    """
    return Trainer(
        directory / conduct.RECORDS,
        engines.chosen(how.engine, study_engine),
        Settings(accelerator=how.accelerator, flatness=flatness),
        terminal.consoles()[1],
        quiet=how.quiet,
        retry_failed=how.retry_failed,
    )
