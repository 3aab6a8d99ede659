"""What a process at a study does: its runs, and how it trains those that are missing."""

from pathlib import Path

import marks
from tiny import BASE, SAM, TASK, run

from sssam.lab.runs import dispatch
from sssam.lab.runs.worker import Settings
from sssam.lab.specs import Run


def runs(seeds: int, epochs: int) -> list[Run]:
    task = TASK.model_copy(update={"epochs": epochs})
    return [run(method, seed, task) for seed in range(seeds) for method in (BASE, SAM)]


def conduct(directory: Path, engine: str, wanted: list[Run]) -> None:
    """Exits with 0 where all runs have a record in the end."""
    dispatch.work = marks.marked_work
    settings = Settings(checkpoint_seconds=0)
    found = dispatch.run_missing(wanted, directory, settings, engine=engine)
    assert len(found.by_id) == len(wanted)
