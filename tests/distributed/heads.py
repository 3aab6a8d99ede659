"""Parameters that some steps, ranks or passes don't use: `python -m tests.distributed.heads`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from tests.distributed.common import Result, _methods, _sgd, main
from tests.problems import CLASSES, INPUTS, Problem, flat

STEPS = 20
METHODS = ("SAM", "SAM mixed", "SSSAM", "LookSAM")
#: The form of the loop, and whether DDP keeps gradients as views of its buckets.
RUNS = (("passes", False), ("passes", True), ("closure", True), ("two lines", True))
#: The head that each half of a batch takes, step by step; in a second pass, the next one.
ROUTES: tuple[tuple[int, ...], ...] = ((0, 0), (0, 1), (1, 2), (2, 2), (1, 0))


class Heads(nn.Module):
    """A trunk for all samples, and three heads of which each part of a batch takes one."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(INPUTS, 8), nn.Tanh())
        self.heads = nn.ModuleList([nn.Linear(8, CLASSES) for _ in range(3)])

    def forward(self, x: Tensor, route: tuple[int, ...]) -> Tensor:
        parts = self.trunk(x).chunk(len(route))
        return torch.cat([self.heads[i](part) for i, part in zip(route, parts, strict=True)])


def _heads() -> Heads:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Heads().double()


def _route(t: int, phase: str, halves: slice) -> tuple[int, ...]:
    """For the halves of the batch: some heads serve one rank alone, some none."""
    # Every third step uses other heads in its second pass, as layers that are dropped at random do.
    further = 1 if t % 3 == 2 and phase == "descent" else 0
    return tuple((head + further) % 3 for head in ROUTES[t % 5][halves])


def _step(form: str, optimizer: Any, batch: Any, loss: Callable[[str], Tensor]) -> None:
    """One step in one of the forms; loss(phase) is the loss of a pass."""
    if form == "passes":
        for p in optimizer.passes(batch):
            p.backward(loss(p.phase))
        optimizer.step()
    elif form == "closure":

        def closure() -> Tensor:
            optimizer.zero_grad()
            value = loss(optimizer.phase)
            value.backward()
            return value

        optimizer.step(closure)
    else:
        loss("ascent" if optimizer.will_ascend else "plain").backward()
        if optimizer.ascend():
            loss("descent").backward()
        optimizer.step()
        optimizer.zero_grad()


def _train(model: nn.Module, optimizer: Any, form: str, halves: slice) -> list[float]:
    """On these halves of each batch: a rank's own, or both."""
    problem = Problem()
    for t in range(STEPS):
        x, y = (torch.cat(part.chunk(2)[halves]) for part in problem.batch(t))

        def loss(phase: str, t: int = t, x: Tensor = x, y: Tensor = y) -> Tensor:
            return cross_entropy(model(x, _route(t, phase, halves)), y)

        _step(form, optimizer, x, loss)
    return flat(list(model.parameters())).tolist()


def heads() -> Result:
    """Each method in each form under `find_unused_parameters`, beside one process."""
    results: Result = {}
    mine = slice(dist.get_rank(), dist.get_rank() + 1)
    for name in METHODS:
        build = _methods()[name]
        for form, views in RUNS:
            model = DistributedDataParallel(
                _heads(), find_unused_parameters=True, gradient_as_bucket_view=views
            )
            optimizer = build(_sgd(model), model)
            key = f"{name}, {form}, bucket views {views}"
            results[key] = _train(model, optimizer, form, mine)
            results[f"{key}, ascents"] = optimizer.ascents
        whole = _heads()
        alone = build(_sgd(whole), whole)
        results[f"{name}, alone"] = _train(whole, alone, "passes", slice(2))
    return results


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), {"heads": heads})
