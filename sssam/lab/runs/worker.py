"""What a process does with one run: claims it, goes on where it stood, and writes its record."""

import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sssam.lab.runs import claims
from sssam.lab.runs import store as records
from sssam.lab.specs import Record, Run
from sssam.lab.specs.flatness import FlatnessSettings
from sssam.lab.training import checkpoints, hardware
from sssam.lab.training.train import train

CHECKPOINTS = "checkpoints"

#: A run has torch's threads and global generator to itself, also where a worker has many threads.
_ONE_AT_A_TIME = threading.Lock()


class Settings(NamedTuple):
    """How every run of a study is trained, apart from what the run itself says.

    `threads` are torch's; the dispatcher sets them to the engine's. Without `test` the test set is
    not measured, as where values are chosen, and the record has no test accuracy. A run that takes
    less than `checkpoint_seconds` writes no checkpoint. `flatness` is what is measured of each
    trained model, None for nothing.
    """

    threads: int = 1
    test: bool = True
    checkpoint_seconds: float = 60.0
    accelerator: str = "cpu"
    flatness: FlatnessSettings | None = None

    def answered_by(self, record: Record | None) -> bool:
        """Whether a record holds what is asked for: one without the test set may have to be redone.

        Flatness is not looked at: runs that have a record stay as they are.
        """
        if record is None:
            return False
        return record.outcome == "failed" or not self.test or record.test_accuracy is not None


def work(run: Run, directory: Path, settings: Settings) -> Record | None:
    """Trains one run and writes its record, whatever the run's own code raises.

    Returns:
        The record, which may be another process's; None if another process trains the run now.

    Raises:
        OSError: the record or a checkpoint could not be written.
        DeviceError: this machine lacks the accelerator; the run is left as it was.
    """
    hardware.require(settings.accelerator)
    return _settled(run, directory, settings, partial(_trained, run, directory, settings))


def give_up(run: Run, directory: Path, settings: Settings, reason: str) -> Record | None:
    """Writes a failed record for a run that its workers never came back from; returns as `work`."""
    failed = Record(run=run, outcome="failed", error=reason)
    return _settled(run, directory, settings, lambda: failed)


def _settled(
    run: Run, directory: Path, settings: Settings, made: Callable[[], Record]
) -> Record | None:
    """What there is, or else what is made now, under the run's claim."""
    with _ONE_AT_A_TIME, claims.claim(run.id, directory) as mine:
        if not mine:
            return None
        record = records.find(run.id, directory)
        if record is None or not settings.answered_by(record):
            record = made()
            records.write(record, directory)
        checkpoint_path(run, directory).unlink(missing_ok=True)
        claims.settle(run.id, directory)
        return record


def _trained(run: Run, directory: Path, settings: Settings) -> Record:
    claims.begin(run.id, directory)
    checkpoint = checkpoint_path(run, directory)
    _require_readable(checkpoint, run)
    try:
        return train(
            run,
            checkpoint=checkpoint,
            least_seconds=settings.checkpoint_seconds,
            flatness=settings.flatness,
            test=settings.test,
            accelerator=settings.accelerator,
            threads=settings.threads,
        )
    except checkpoints.CheckpointError:  # the disk's fault
        raise
    except (Exception, SystemExit):  # a study outlives any of its runs
        return Record(run=run, outcome="failed", error=traceback.format_exc())


def checkpoint_path(run: Run, directory: Path) -> Path:
    """Where the state of a run without a record is kept."""
    return directory / CHECKPOINTS / f"{run.id}.pt"


def _require_readable(checkpoint: Path, run: Run) -> None:
    """Moves a checkpoint away that can't be gone on from, so that the run starts anew."""
    if not checkpoint.exists():
        return
    try:
        checkpoints.load(checkpoint, run)
    except ValueError as error:
        records.quarantine([records.BadFile(checkpoint, str(error))])
