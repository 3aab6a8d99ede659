"""What the scenarios share: methods, a rank's share of the batch, loops, and how one is run."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy

import sssam
from sssam.schedules import linear
from tests.problems import Problem, flat

Result = dict[str, Any]
STEPS = 30


def _methods() -> dict[str, Callable[[Any, Any], sssam.SharpnessAware]]:
    return {
        "SAM": lambda b, m: sssam.SAM(b, rho=0.1, model=m),
        "SAM auto": lambda b, m: sssam.SAM(b, rho="auto", model=m),
        "SAM mixed": lambda b, m: sssam.SAM(b, rho=0.1, mix=0.5, model=m),
        "ASAM": lambda b, m: sssam.ASAM(b, rho=0.5, model=m),
        "SSSAM": lambda b, m: sssam.SSSAM(
            b, schedule=linear(0, 1), total_steps=STEPS, rho=0.1, seed=3, model=m
        ),
        "LookSAM": lambda b, m: sssam.LookSAM(b, rho=0.1, k=3, alpha=0.5, model=m),
        "MSAM": lambda b, m: sssam.MSAM(b, rho=0.3, model=m),
        "GSAM": lambda b, m: sssam.GSAM(b, rho=0.1, alpha=0.2, model=m),
        "WSAM": lambda b, m: sssam.WSAM(b, rho=0.1, gamma=0.7, model=m),
        "FriendlySAM": lambda b, m: sssam.FriendlySAM(b, rho=0.1, model=m),
        "AsyncSAM": lambda b, m: sssam.AsyncSAM(b, rho=0.1, model=m),
        "MicroSAM": lambda b, m: sssam.MicroSAM(
            b, rho=0.1, ascent_fraction=1, noise=0.5, seed=4, model=m
        ),
        "RandomPerturbation": lambda b, m: sssam.RandomPerturbation(b, rho=0.1, seed=4, model=m),
    }


def _sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)


def _part(problem: Problem, t: int) -> tuple[torch.Tensor, torch.Tensor]:
    """This rank's equal share of the batch of step t."""
    x, y = problem.batch(t)
    n = len(x) // dist.get_world_size()
    mine = slice(dist.get_rank() * n, (dist.get_rank() + 1) * n)
    return x[mine], y[mine]


def _train(model: nn.Module, optimizer: Any, problem: Problem, first: int, steps: int) -> None:
    for t in range(first, first + steps):
        for p in optimizer.passes(_part(problem, t)):
            p.backward(cross_entropy(model(p.x), p.y))
        optimizer.step()


def _alone(problem: Problem, optimizer: Any, steps: int = STEPS) -> list[float]:
    for t in range(steps):
        for p in optimizer.passes(problem.batch(t)):
            p.backward(cross_entropy(problem.model(p.x), p.y))
        optimizer.step()
    return flat(problem.params).tolist()


@contextmanager
def _counted() -> Iterator[list[int]]:
    """Counts the all-reduces that DDP's reducer starts."""
    count = [0]

    def hook(state: object, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
        count[0] += 1
        tensor = bucket.buffer().div_(dist.get_world_size())
        future = dist.all_reduce(tensor, async_op=True).get_future()
        return future.then(lambda done: done.value()[0])

    count.append(hook)  # type: ignore[arg-type]
    yield count


def main(name: str, out: Path, scenarios: dict[str, Callable[[], Result]]) -> None:
    """Run one scenario on this rank and write its result."""
    torch.set_num_threads(1)
    # A file of its own for each attempt: a restarted rank must not meet the address of a dead one.
    attempt = f"{os.environ['TORCHELASTIC_RUN_ID']}-{os.environ['TORCHELASTIC_RESTART_COUNT']}"
    dist.init_process_group(
        "gloo",
        init_method=f"file://{out.resolve()}/{attempt}",
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
    )
    result = scenarios[name]()
    (out / f"rank{dist.get_rank()}.json").write_text(json.dumps(result))
    dist.barrier()  # gloo may abort when a rank leaves early
    dist.destroy_process_group()
