"""A deadline on several ranks: `python -m tests.distributed.deadlines NAME OUT`, under torchrun."""

import sys
from pathlib import Path

import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import sssam
from sssam.schedules import linear
from tests.distributed.common import Result, _sgd, _train, main
from tests.problems import Problem, flat

STEPS = 16


class Ticking:
    """A clock that its rank's own pace moves on at each reading."""

    def __init__(self, pace: float) -> None:
        self.now, self.pace = 0.0, pace

    def __call__(self) -> float:
        self.now += self.pace
        return self.now


def clocks() -> Result:
    """Clocks of ranks that differ; what each rank saw, and its weights."""
    rank = dist.get_rank()
    problem = Problem()
    model = DistributedDataParallel(problem.model)
    clock = Ticking(0.5 + 3 * rank)
    optimizer = sssam.SSSAM(
        _sgd(model),
        schedule=linear(0.2, 0.8),
        progress=sssam.Deadline(STEPS / 2, clock=clock),
        rho=0.1,
        seed=3,
        model=model,
    )
    seen, acts, read = [], [], []
    for t in range(STEPS + 2):
        if rank == 0:
            optimizer.will_ascend  # noqa: B018 asked on one rank alone, and nobody waits
        seen.append(optimizer.progress)
        before, ticks = optimizer.ascents, clock.now
        _train(model, optimizer, problem, t, 1)
        acts.append(optimizer.ascents > before)
        read.append(clock.now > ticks)
    state = optimizer.state_dict()["param_groups"][0]["sssam.numbers"]
    weights = flat(problem.params).tolist()
    return {"progress": seen, "acts": acts, "read": read, "saved": state, "weights": weights}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), {"clocks": clocks})
