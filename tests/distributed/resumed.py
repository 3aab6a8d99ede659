"""Runs cut twice, and ZeRO's own checkpoints: `python -m tests.distributed.resumed NAME OUT`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import nn
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.nn.parallel import DistributedDataParallel

import sssam
from tests.distributed.common import STEPS, Result, _methods, _sgd, _train, main
from tests.distributed.scenarios import _full, _sharded
from tests.problems import Problem, flat

METHODS = ("SSSAM", "LookSAM", "FriendlySAM", "AsyncSAM")
#: LookSAM's ascent passes come every third step: at each cut it has a vector to reuse.
CUTS = (0, 10, 20, STEPS)


def link() -> Result:
    """From one cut to the next, sharded; with the first link, the run that is never cut."""
    first, last = int(os.environ["FIRST"]), int(os.environ["LAST"])
    results: Result = {}
    for name in METHODS:
        build = _methods()[name]
        files = Path(os.environ["CHECKPOINTS"]) / name
        problem = Problem()
        model = _sharded(problem)
        optimizer = build(_sgd(model), model)
        if first:
            _load(model, optimizer, files / str(first))
        begun = optimizer.steps
        _train(model, optimizer, problem, first, last - first)
        state = _state(model, optimizer)
        dcp.save(state, checkpoint_id=files / str(last))
        kept = {key for parts in state["optimizer"]["state"].values() for key in parts}
        results[name] = _end(model, optimizer) | {"begun": begun, "kept": sorted(kept)}
        if not first:
            problem = Problem()
            model = _sharded(problem)
            optimizer = build(_sgd(model), model)
            _train(model, optimizer, problem, 0, STEPS)
            results[f"{name}, uncut"] = _end(model, optimizer)
    return results


def _end(model: nn.Module, optimizer: sssam.SharpnessAware) -> Result:
    return {
        "weights": _full(model),
        "counters": [optimizer.steps, optimizer.ascents, optimizer.counters.backwards],
    }


def _state(model: nn.Module, optimizer: Any) -> Result:
    weights, state = get_state_dict(model, optimizer)
    return {"model": weights, "optimizer": state}


def _load(model: nn.Module, optimizer: Any, file: Path) -> None:
    for p in model.parameters():
        p.data.zero_()
    state = _state(model, optimizer)
    dcp.load(state, checkpoint_id=file)
    set_state_dict(
        model, optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"]
    )


Build = Callable[[Any, Any], sssam.SharpnessAware]
INNER: dict[str, Any] = {
    "SGD": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4}),
    "AdamW": (torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
}


def zero() -> Result:
    """ZeroRedundancyOptimizer's state, gathered on the first rank, saved and loaded."""
    return {
        f"{name}, {inner}": _zero(inner, _methods()[name])
        for name in ("SSSAM", "LookSAM")
        for inner in INNER
    }


def _built(inner: str, build: Build) -> tuple[Problem, nn.Module, Any, sssam.SharpnessAware]:
    # Imported here alone: torch's own module warns of what it uses.
    from torch.distributed.optim import ZeroRedundancyOptimizer

    kind, settings = INNER[inner]
    problem = Problem()
    model = DistributedDataParallel(problem.model)
    base = ZeroRedundancyOptimizer(model.parameters(), kind, **settings)
    return problem, model, base, build(base, model)


def _zero(inner: str, build: Build) -> Result:
    path = Path(os.environ["CHECKPOINTS"]) / "zero.pt"
    problem, model, base, optimizer = _built(inner, build)
    _train(model, optimizer, problem, 0, 10)
    refused = ""
    try:
        optimizer.state_dict()  # on any rank: nothing was gathered yet
    except RuntimeError as error:
        refused = str(error)
    base.consolidate_state_dict(to=0)
    if dist.get_rank() == 0:
        sssam.save(path, model=problem.model, optimizer=optimizer)
    dist.barrier()
    _train(model, optimizer, problem, 10, 10)
    again, model, _, resumed = _built(inner, build)
    saved = sssam.load(path)
    again.model.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["optimizer"])
    begun = resumed.steps
    _train(model, resumed, again, 10, 10)
    unsharded = _unsharded(inner, build, sssam.load(path))  # anew: torch trains on in what it loads
    dist.barrier()  # before the file is written over
    return {
        "refused": refused,
        "begun": begun,
        "uncut": flat(problem.params).tolist(),
        "resumed": flat(again.params).tolist(),
        "unsharded": unsharded,
    }


def _unsharded(inner: str, build: Build, saved: Any) -> list[float]:
    """The same file, loaded around the optimizer that ZeRO has inside, in one process."""
    kind, settings = INNER[inner]
    problem = Problem()
    optimizer = build(kind(problem.params, **settings), problem.model)
    problem.model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    for t in range(10, 20):
        for p in optimizer.passes(problem.batch(t)):
            p.backward(nn.functional.cross_entropy(problem.model(p.x), p.y))
        optimizer.step()
    return flat(problem.params).tolist()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), {"link": link, "zero": zero})
