"""`python -m tests.runtime.killed_writer FOLDER`: writers that are killed while they write."""

import itertools
import os
import random
import signal
import sys
import time

import torch

import sssam

KILLS = 20
SIZE = 200_000


def write(path: str) -> None:
    """Checkpoints, one after the other, for ever; each can be told from a mixture of two."""
    for n in itertools.count(sssam.load(path)["n"] + 1):
        sssam.save(path, n=n, values=torch.full((SIZE,), n), again=n)


def main(folder: str) -> None:
    """Kill twenty writers; after each, the file is a whole one, not older than the one before."""
    torch.set_num_threads(1)
    path, plan, last = f"{folder}/run.pt", random.Random(0), 0
    sssam.save(path, n=0, values=torch.zeros(SIZE, dtype=torch.int64), again=0)
    for _ in range(KILLS):
        child = os.fork()
        if not child:
            write(path)
        time.sleep(plan.uniform(0.005, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        saved = sssam.load(path)
        assert saved["n"] == saved["again"] >= last
        assert bool((saved["values"] == saved["n"]).all())
        last = saved["n"]
    print(last, sum(name.startswith(".run.pt") for name in os.listdir(folder)))


if __name__ == "__main__":
    main(sys.argv[1])
