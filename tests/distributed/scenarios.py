"""What runs on each rank: `python -m tests.distributed.scenarios NAME OUT`, under torchrun."""

import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

import sssam
from sssam.schedules import constant
from tests.distributed.common import (
    STEPS,
    Result,
    _alone,
    _counted,
    _methods,
    _part,
    _sgd,
    _train,
    main,
)
from tests.problems import Problem, flat


def ddp() -> Result:
    """Ranks with a part of the batch each, beside one process with all of it; all DDP options."""
    results: Result = {}
    for name, build in _methods().items():
        for views in (False, True):
            problem = Problem()
            model = DistributedDataParallel(problem.model, gradient_as_bucket_view=views)
            _train(model, build(_sgd(model), model), problem, 0, STEPS)
            results[f"{name}, bucket views {views}"] = flat(problem.params).tolist()
        whole = Problem()
        results[f"{name}, alone"] = _alone(whole, build(_sgd(whole.model), whole.model))
    return results


def accumulate() -> Result:
    """Two micro-batches a step, the first under `no_sync`, the second pass over both."""
    problem, whole = Problem(), Problem()
    model = DistributedDataParallel(problem.model)
    optimizer = sssam.SSSAM(
        _sgd(model), schedule=constant(0.5), total_steps=STEPS, rho=0.1, model=model
    )

    def micro(t: int) -> None:
        x, y = _part(problem, t)
        half = len(x) // 2
        for part, context in ((slice(half), model.no_sync()), (slice(half, None), nullcontext())):
            with context:
                (cross_entropy(model(x[part]), y[part]) / 2).backward()

    for t in range(STEPS):
        micro(t)
        if optimizer.ascend():
            micro(t)
        optimizer.step()
        optimizer.zero_grad()
    alone = sssam.SSSAM(
        _sgd(whole.model), schedule=constant(0.5), total_steps=STEPS, rho=0.1, model=False
    )
    return {"weights": flat(problem.params).tolist(), "alone": _alone(whole, alone)}


def per_rank() -> Result:
    """m-sharpness: each rank perturbs by its own part, and sends nothing for it."""
    results: Result = {}
    for form in ("passes", "closure", "two lines"):
        problem = Problem()
        model = DistributedDataParallel(problem.model)
        with _counted() as count:
            model.register_comm_hook(None, count.pop())  # type: ignore[arg-type]
            optimizer = sssam.SSSAM(
                _sgd(model),
                schedule=constant(0.5),
                total_steps=STEPS,
                rho=0.1,
                model=model,
                perturbation="per_rank",
            )
            for t in range(STEPS):
                _one(form, model, optimizer, problem, t)
        results[form] = flat(problem.params).tolist()
        results[f"{form}, reductions"] = count[0]
        results["ascents"] = optimizer.ascents
        results[f"{form}, synchronises"] = model.require_backward_grad_sync
    results["naive"] = _naive_per_rank(optimizer.method.when.draws)
    return results


def _one(
    form: str, model: DistributedDataParallel, optimizer: Any, problem: Problem, t: int
) -> None:
    x, y = _part(problem, t)
    if form == "passes":
        _train(model, optimizer, problem, t, 1)
    elif form == "closure":

        def run() -> torch.Tensor:
            optimizer.zero_grad()
            loss = cross_entropy(model(x), y)
            loss.backward()
            return loss

        optimizer.step(run)
    else:
        _ = optimizer.will_ascend  # tells DDP, through the wrapper, to keep this pass to itself
        cross_entropy(model(x), y).backward()
        if optimizer.ascend():
            cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()


def _naive_per_rank(trial: sssam.Draws) -> list[float]:
    """Both ranks simulated in one process: e from a rank's part, the gradients averaged."""
    problem = Problem()
    base = _sgd(problem.model)
    world = dist.get_world_size()
    for t in range(STEPS):
        x, y = problem.batch(t)
        n = len(x) // world
        w = [p.detach().clone() for p in problem.params]
        total = [torch.zeros_like(p) for p in w]
        for rank in range(world):
            mine = slice(rank * n, (rank + 1) * n)

            def grads(mine: slice = mine, x: Any = x, y: Any = y) -> tuple[torch.Tensor, ...]:
                return torch.autograd.grad(
                    cross_entropy(problem.model(x[mine]), y[mine]), problem.params
                )

            g = grads()
            if trial(t):
                length = torch.cat([part.flatten() for part in g]).norm()
                for p, part in zip(problem.params, g, strict=True):
                    p.data.add_(0.1 * part / length)
                g = grads()
                for p, at_w in zip(problem.params, w, strict=True):
                    p.data.copy_(at_w)
            total = [a + b / world for a, b in zip(total, g, strict=True)]
        for p, part in zip(problem.params, total, strict=True):
            p.grad = part
        base.step()
    return flat(problem.params).tolist()


def overflow() -> Result:
    """200 steps in which one rank's ascent, and at times its descent, is not finite."""
    results: Result = {}
    for perturbation in ("global", "per_rank"):
        problem = Problem(dtype=torch.float32)
        model = DistributedDataParallel(problem.model)
        optimizer = sssam.SAM(_sgd(model), rho=0.1, model=model, perturbation=perturbation)  # type: ignore[arg-type]
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
        for t in range(200):
            x, y = _part(problem, t)
            for p in optimizer.passes((x, y), scaler=scaler):
                loss = cross_entropy(model(p.x), p.y)
                bad = t % 5 == 0 if p.phase == "ascent" else t % 50 == 7
                p.backward(loss * float("inf") if bad and dist.get_rank() == 0 else loss)
            scaler.step(optimizer)
            scaler.update()
        results[perturbation] = [w.hex() for w in flat(problem.params).double().tolist()]
        results[f"{perturbation}, steps"] = optimizer.steps
        results[f"{perturbation}, voided"] = int(optimizer.counters.voided)
    return results


def _sharded(problem: Problem) -> nn.Module:
    fully_shard(problem.model[0])  # gathered for each pass
    fully_shard(problem.model)  # the rest stays gathered from a forward pass to its backward pass
    return problem.model


def _full(model: nn.Module) -> list[float]:
    return torch.cat([p.full_tensor().flatten() for p in model.parameters()]).tolist()


def fsdp() -> Result:
    """FSDP2 beside the unsharded run; an evaluation between steps must not leave stale weights."""
    results: Result = {}
    for name, build in _methods().items():
        problem = Problem()
        model = _sharded(problem)
        optimizer = build(_sgd(model), model)
        for t in range(STEPS):
            for p in optimizer.passes(_part(problem, t)):
                p.backward(cross_entropy(model(p.x), p.y))
                if p.phase == "ascent":
                    with torch.no_grad():
                        model(p.x)  # an evaluation at w, which leaves w gathered
            optimizer.step()
        results[name] = _full(model)
        whole = Problem()
        results[f"{name}, alone"] = _alone(whole, build(_sgd(whole.model), whole.model))
    try:
        sssam.SAM(_sgd(_sharded(Problem())))
    except ValueError as error:
        results["without the module"] = str(error)
    return results


def _look(model: nn.Module) -> sssam.SharpnessAware:
    return sssam.LookSAM(_sgd(model), rho=0.1, k=3, alpha=0.5, model=model)


def zero() -> Result:
    """ZeroRedundancyOptimizer as the base: each rank keeps the state of some parameters."""
    # Imported here alone: torch's own module warns of what it uses.
    from torch.distributed.optim import ZeroRedundancyOptimizer

    problem, whole = Problem(), Problem()
    model = DistributedDataParallel(problem.model)
    base = ZeroRedundancyOptimizer(model.parameters(), torch.optim.SGD, lr=0.05, momentum=0.9)
    optimizer = sssam.SAM(base, rho=0.1, model=model)
    _train(model, optimizer, problem, 0, STEPS)
    alone = torch.optim.SGD(whole.params, lr=0.05, momentum=0.9)
    return {
        "weights": flat(problem.params).tolist(),
        "alone": _alone(whole, sssam.SAM(alone, rho=0.1, model=False)),
    }


def killed() -> Result:
    """A training that saves each step; rank 1 is killed once, and torchrun starts all anew."""
    problem = Problem()
    model = DistributedDataParallel(problem.model)
    optimizer = _look(model)
    path, mark = Path(os.environ["CHECKPOINT"]), Path(os.environ["CHECKPOINT"] + ".killed")
    if path.exists():
        saved = torch.load(path, weights_only=True)
        model.module.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
    while optimizer.steps < 15:
        if optimizer.steps == 8 and dist.get_rank() == 1 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        _train(model, optimizer, problem, optimizer.steps, 1)
        if dist.get_rank() == 0:
            state = {"model": model.module.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state, path.with_suffix(".new"))
            path.with_suffix(".new").replace(path)
        dist.barrier()
    return {"weights": flat(problem.params).tolist(), "was killed": mark.exists()}


SCENARIOS = {f.__name__: f for f in (ddp, accumulate, per_rank, overflow, fsdp, zero, killed)}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), SCENARIOS)
