"""The seconds of a study's variants, as it keeps them."""

from collections.abc import Sequence
from pathlib import Path

from sssam.lab.specs import Run
from sssam.lab.specs import timing as stored
from sssam.lab.studies.conduct import Decided
from sssam.lab.training import timing
from sssam.lab.training.timing import Timed

#: Seconds for each task after a study's runs.
AFTER_RUNS = 8.0


def measured(
    decided: Decided,
    directory: Path,
    *,
    seconds: float = AFTER_RUNS,
    accelerator: str = "cpu",
    threads: int = 1,
) -> Sequence[Timed]:
    """Times a task's variants, and leaves their timings in a study's directory."""
    timed = timing.measure(
        decided.part.task,
        decided.methods,
        seconds=seconds,
        accelerator=accelerator,
        threads=threads,
    )
    stored.write({each.run.variant: each.timing for each in timed}, directory)
    return timed


def are_known(decided: Decided, directory: Path) -> bool:
    """Whether every variant of a task has a timing in the study's directory."""
    runs = [Run(task=decided.part.task, method=method, seed=0) for method in decided.methods]
    return {run.variant for run in runs} <= set(stored.read(directory))
