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
from sssam.lab.specs.flatness import FlatnessSettings
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
    flatness: FlatnessSettings | None = None,
) -> Trainer:
    """What trains runs into a directory; `train` is what `leading` gives.

    Raises:
        ValueError, FileNotFoundError, ModuleNotFoundError: as `engines.chosen` and `Trainer`.
    """
    return Trainer(
        directory / conduct.RECORDS,
        engines.chosen(how.engine, study_engine, hardware.world()),
        Settings(accelerator=how.accelerator, logger=how.logger, train=train, flatness=flatness),
        terminal.consoles()[1],
        quiet=how.quiet,
        retry_failed=how.retry_failed,
    )
