"""The family on several ranks: `python -m tests.distributed.family NAME OUT`, under torchrun."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

import sssam
from tests import naive
from tests.distributed.common import Result, _counted, _part, _sgd, main
from tests.methods.methods_table import may_be_per_rank
from tests.naive import loop
from tests.problems import Problem, flat
from tests.table import TABLE, Row

STEPS = 20


class Share(Problem):
    """A rank's part of each batch, of a problem whose model it shares."""

    def __init__(self, whole: Problem, rank: int, world: int) -> None:
        self.__dict__.update(whole.__dict__)
        self.rank, self.world = rank, world

    def batch(self, t: int) -> tuple[torch.Tensor, torch.Tensor]:
        """That part of the batch of step t."""
        x, y = super().batch(t)
        n = len(x) // self.world
        mine = slice(self.rank * n, (self.rank + 1) * n)
        return x[mine], y[mine]


def _simulated(row: Row) -> list[float]:
    """The pseudo-code on each rank's part, one after the other; the base gets the mean."""
    problem, world = row.problem(), dist.get_world_size()
    shares = [Share(problem, rank, world) for rank in range(world)]
    twins = [row.naive(share) for share in shares]
    base = _sgd(problem.model)
    for twin in twins:
        if isinstance(twin, naive.NaiveKSAM):
            twin.k //= world

    def write(vector: torch.Tensor) -> None:
        torch.nn.utils.vector_to_parameters(vector.clone(), problem.params)

    for t in range(STEPS):
        w = flat(problem.params)
        grads = [
            twin.direction(t, w, loop.Grad(share, write, t), None)
            for twin, share in zip(twins, shares, strict=True)
        ]
        write(w if twins[0].start is None else twins[0].start)
        mean = torch.stack(grads).mean(0)
        sizes = [p.numel() for p in problem.params]
        for p, part in zip(problem.params, mean.split(sizes), strict=True):
            p.grad = part.reshape(p.shape).clone()
        base.step()
    return flat(problem.params).tolist()


def _trained(row: Row) -> tuple[list[float], int]:
    problem = row.problem()
    model = DistributedDataParallel(problem.model)
    base = _sgd(model)
    method = row.build(base, model).method
    optimizer = sssam.SharpnessAware(base, method, model=model, perturbation="per_rank")
    reduction = "none" if method.facts.needs_batch else "mean"
    with _counted() as count:
        model.register_comm_hook(None, count.pop())  # type: ignore[arg-type]
        for t in range(STEPS):
            for p in optimizer.passes(_part(problem, t)):
                with torch.set_grad_enabled(p.grad):
                    loss = cross_entropy(model(p.x), p.y, reduction=reduction)
                p.backward(loss)
            optimizer.step()
    return flat(problem.params).tolist(), count[0]


def per_rank() -> Result:
    """Each method of the table that can leave its ascent pass on the rank, beside a simulation."""
    results: Result = {}
    for name, row in TABLE.items():
        problem = row.problem()
        if not may_be_per_rank(row.build(_sgd(problem.model), problem.model).method):
            continue
        weights, reductions = _trained(row)
        results[name] = {
            "weights": weights,
            "reductions": reductions,
            "simulated": _simulated(row),
        }
    return results


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), {"per_rank": per_rank})
