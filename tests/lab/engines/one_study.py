"""A process at a study: `python one_study.py DIRECTORY ENGINE SEEDS EPOCHS`; starts on a line."""

import sys
from pathlib import Path

import marks
from tiny import BASE, SAM, TASK, run

from sssam.lab.runs import dispatch
from sssam.lab.runs.worker import Settings
from sssam.lab.specs import Run


def runs(seeds: int, epochs: int) -> list[Run]:
    task = TASK.model_copy(update={"epochs": epochs})
    return [run(method, seed, task) for seed in range(seeds) for method in (BASE, SAM)]


def main(directory: str, engine: str, seeds: str, epochs: str) -> None:
    dispatch.work = marks.marked_work
    print("ready", flush=True)
    sys.stdin.readline()
    wanted = runs(int(seeds), int(epochs))
    found = dispatch.run_missing(
        wanted, Path(directory), engine=engine, settings=Settings(checkpoint_seconds=0)
    )
    print(len(found.by_id), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
