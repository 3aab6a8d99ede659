"""What workers did, in a file that only grows: it outlives every kill."""

import os
import random
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import psutil
from tiny import same_but_times

from sssam.lab.runs import store as records
from sssam.lab.runs import worker
from sssam.lab.specs import Record, Run
from sssam.lab.training.train import train

FILE = "marks"
_write = records.write


def marked_work(run: Run, directory: Path, settings: worker.Settings, *more) -> Record | None:
    """As `work`, with a mark where a training begins and where its record is written."""
    records.write = _marked_write
    worker.train = partial(_marked_train, directory)
    return worker.work(run, directory, settings, *more)


def _marked_train(directory: Path, run: Run, **how) -> Record:
    _mark(directory, "begin", run.id)
    return train(run, **how)


def _marked_write(record: Record, directory: Path) -> Path:
    path = _write(record, directory)
    _mark(directory, "done", record.id)
    return path


def _mark(directory: Path, what: str, run_id: str) -> None:
    handle = os.open(directory.parent / FILE, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(handle, f"{what} {run_id}\n".encode())
    os.close(handle)


def read(directory: Path) -> list[tuple[str, str]]:
    path = directory.parent / FILE
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(line.split()) for line in lines]


def require_none_done_twice(directory: Path, runs: list[Run], interruptions: int) -> None:
    """No run was begun after its record was written; no more were begun than kills account for."""
    done: Counter[str] = Counter()
    begun: Counter[str] = Counter()
    for what, run_id in read(directory):
        assert not done[run_id], f"{run_id}: {what} after it was done"
        (done if what == "done" else begun)[run_id] += 1
    assert set(begun) == {run.id for run in runs}
    assert begun.total() <= len(runs) + interruptions


def require_equal(found: dict[str, Record], calm: dict[str, Record]) -> None:
    """The records of a disturbed study are those of an undisturbed one."""
    assert {id_: same_but_times(record) for id_, record in found.items()} == {
        id_: same_but_times(record) for id_, record in calm.items()
    }


class Killer(threading.Thread):
    """Kills a worker at seeded random times: after so many begun runs, and a moment more.

    `victims` gives the processes to choose from; `killed` counts those that were hit.
    """

    def __init__(self, directory: Path, victims, runs: int, kills: int, seed: int = 0) -> None:
        super().__init__(daemon=True)
        self.directory, self.victims, self.random = directory, victims, random.Random(seed)
        # In the first half, so that there is somebody left to kill where runs are quick.
        self.moments = sorted(self.random.sample(range(1, max(runs // 2, kills + 1)), kills))
        self.killed, self.over = 0, threading.Event()

    def run(self) -> None:
        for moment in self.moments:
            while len(read(self.directory)) < moment:
                if self.over.wait(0.02):
                    return
            time.sleep(self.random.uniform(0, 0.05))
            self._kill()

    def _kill(self) -> None:
        while not self.over.is_set():
            victims = sorted(self.victims(), key=lambda process: process.pid)
            try:
                self.random.choice(victims or [None]).kill()
            except (psutil.NoSuchProcess, AttributeError):
                time.sleep(0.02)
            else:
                self.killed += 1
                return

    def __enter__(self) -> "Killer":
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.join()


def children(word: str) -> list[psutil.Process]:
    """The processes below this one whose command line has that word."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if any(word in part for part in process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found
