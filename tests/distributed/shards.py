"""Sharded otherwise: `python -m tests.distributed.shards shards OUT`, under torchrun.

A part of the model alone, buffers that are DTensors, two meshes, the first FSDP; and what is sent.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.tensor import (
    DTensor,
    Replicate,
    Shard,
    distribute_module,
    distribute_tensor,
)
from torch.nn.parallel import DistributedDataParallel

import sssam
from tests.distributed.common import (
    STEPS,
    Result,
    _alone,
    _counted,
    _methods,
    _sgd,
    _train,
    main,
)
from tests.problems import Problem


def _averaged(p: torch.Tensor) -> None:
    if p.grad is not None:
        dist.all_reduce(p.grad)
        p.grad.div_(dist.get_world_size())


def partly() -> Result:
    """The first layer is sharded, the last one whole on each rank, its gradients averaged."""
    results: Result = {}
    for name, build in _methods().items():
        problem, whole = Problem(), Problem()
        fully_shard(problem.model[0])
        for p in problem.model[-1].parameters():
            p.register_post_accumulate_grad_hook(_averaged)
        optimizer = build(_sgd(problem.model), problem.model)
        _train(problem.model, optimizer, problem, 0, STEPS)
        weights = [p.full_tensor() if isinstance(p, DTensor) else p for p in problem.params]
        results[name] = torch.cat([p.detach().flatten() for p in weights]).tolist()
        results[f"{name}, alone"] = _alone(whole, build(_sgd(whole.model), whole.model))
    return results


class _Calls(nn.Linear):
    """Counts its calls in a buffer."""

    def __init__(self) -> None:
        super().__init__(3, 1)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().forward(x)


def buffers() -> Result:
    """A module whose parameters and buffers are DTensors."""
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    model: Any = distribute_module(_Calls(), mesh)
    optimizer = sssam.SAM(_sgd(model), rho=0.1, model=model)
    for _ in optimizer.passes(None):
        loss = model(distribute_tensor(torch.ones(4, 3), mesh, [Replicate()])).square().mean()
        _.backward(loss)
    optimizer.step()
    return {"calls": model.calls.full_tensor().item(), "kind": type(model.calls).__name__}


def meshes() -> Result:
    """Two parameters of four weights on meshes of one and of two dimensions: one norm."""
    n = dist.get_world_size()
    one = init_device_mesh("cpu", (n,))
    two = init_device_mesh("cpu", (1, n), mesh_dim_names=("outer", "inner"))
    params = [
        nn.Parameter(distribute_tensor(torch.zeros(4), one, [Shard(0)])),
        nn.Parameter(distribute_tensor(torch.zeros(4), two, [Replicate(), Shard(0)])),
    ]
    optimizer = sssam.LookSAM(torch.optim.SGD(params, lr=0.1), rho=1.0, model=nn.Identity())
    for p in params:
        p.grad = torch.ones_like(p)
    optimizer.ascend()
    moved = torch.cat([p.full_tensor() for p in params]).tolist()
    for p in params:
        p.grad = torch.ones_like(p)
    optimizer.step()  # takes a product of both gradients
    return {"e": moved}


def refused() -> Result:
    """What would silently be another method on several ranks."""
    from torch.distributed.optim import ZeroRedundancyOptimizer

    problem = Problem()
    first = FullyShardedDataParallel(problem.model, device_id=torch.device("cpu"))
    names = ZeroRedundancyOptimizer(Problem().params, torch.optim.SGD, lr=0.1, momentum=0.9)
    messages = {}
    for name, build in {
        "FSDP1": lambda: sssam.SAM(_sgd(first), model=first),
        "FSDP1 without the module": lambda: sssam.SAM(_sgd(first), model=False),
        "ZeRO": lambda: sssam.MSAM(names, model=False),
    }.items():
        try:
            build()
        except ValueError as error:
            messages[name] = str(error)
    return messages


@contextmanager
def _listening() -> Iterator[Counter[str]]:
    """Counts the calls of torch.distributed that send something."""
    sent: Counter[str] = Counter()
    verbs = ("all_", "broadcast", "reduce", "gather", "scatter", "send", "isend", "barrier")

    def counting(name: str, call: Any) -> Any:
        def counted(*args: Any, **more: Any) -> Any:
            sent[name] += 1
            return call(*args, **more)

        return counted

    calls = {name: call for name, call in vars(dist).items() if name.startswith(verbs)}
    with patch.multiple(dist, **{name: counting(name, call) for name, call in calls.items()}):
        yield sent


def messages() -> Result:
    """All that is sent while each method trains under DDP."""
    results: Result = {}
    for name, build in _methods().items():
        problem = Problem()
        model = DistributedDataParallel(problem.model)
        with _counted() as count:
            model.register_comm_hook(None, count.pop())  # type: ignore[arg-type]
        optimizer = build(_sgd(model), model)
        with _listening() as sent:
            _train(model, optimizer, problem, 0, STEPS)
        results[name] = {"sent": sent, "backwards": optimizer.counters.backwards}
    return results


def shards() -> Result:
    """All of them, since starting the ranks takes longest."""
    return {f.__name__: f() for f in (partly, buffers, meshes, refused, messages)}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), {"shards": shards})
