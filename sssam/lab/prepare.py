"""A run before its first step: data, model, optimizer and learning rate."""

import copy
import hashlib

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR

from sssam.lab import loop, methods, problems
from sssam.lab.examples import raw
from sssam.lab.loop import Parts, Position, Training
from sssam.lab.problem import OwnOptimizer, Problem, run_model
from sssam.lab.specs import Run


def prepare(run: Run, fabric: Fabric) -> Training:
    """All that a run trains with, on Fabric's device.

    Raises:
        ValueError: an unknown name, or a hyperparameter out of its range.
        FileNotFoundError: the data's path does not exist.
        Exception: whatever a user's own task raises.
    """
    problem = problems.make(run.task, run.seed)
    network = problem.model
    position = Position(initial=_weights_hash(network))
    _warm_up(problem, run.task.batch_size)
    split = Parts(*(part.to(fabric.device) for part in problem.parts))
    base = base_optimizer(run, network, problem.optimizer)
    steps = loop.total_steps(run, len(split.train))
    optimizer = methods.build(run.method, base, steps, run.seed, network)
    model, proxy = fabric.setup(network, optimizer)
    scheduler = _scheduler(run, base, steps)
    return Training(
        run, fabric, problem, split, network, model, base, optimizer, proxy, scheduler, position
    )


def _rate(run: Run) -> float:
    """The peak learning rate: the row's own, or else the task's."""
    own = run.method.learning_rate
    return run.task.learning_rate if own is None else own


def base_optimizer(run: Run, network: nn.Module, own: OwnOptimizer | None = None) -> Optimizer:
    """The torch optimizer that a run's method is put around, or the user's own.

    Raises:
        TypeError: the user's function returns no torch optimizer.
    """
    task, rate, decay = run.task, _rate(run), run.task.weight_decay
    if own is not None:
        made = own(network.parameters(), rate)
        if not isinstance(made, Optimizer):
            raise TypeError(
                f"optimizer(parameters, learning_rate) returned a {type(made).__name__}, must "
                "return a torch.optim.Optimizer"
            )
        return made
    if task.optimizer == "sgd":
        return SGD(network.parameters(), lr=rate, momentum=task.momentum, weight_decay=decay)
    return AdamW(network.parameters(), lr=rate, weight_decay=decay)


def _scheduler(run: Run, base: Optimizer, steps: int) -> LRScheduler:
    """The learning rate over the run's own steps; one cycle leaves the momentum as it is."""
    task, peaks = run.task, [float(group["lr"]) for group in base.param_groups]
    if task.anneal == "one-cycle":
        return OneCycleLR(base, peaks, total_steps=steps, cycle_momentum=False)
    if task.anneal == "cosine":
        return CosineAnnealingLR(base, T_max=steps)
    return ConstantLR(base, factor=1.0, total_iters=0)


def _warm_up(problem: Problem, size: int) -> None:
    """One pass on a copy, so that what torch does at its first pass is not in the time."""
    train = problem.parts[0].head(size)
    _, inputs, targets = next(train.batches(torch.arange(len(train)), size, 0))
    with torch.random.fork_rng(devices=[]):
        outputs = run_model(copy.deepcopy(problem.model), inputs)
        torch.autograd.backward(problem.loss(outputs, targets).mean())


def _weights_hash(network: nn.Module) -> str:
    """The SHA-256 of the weights and buffers by their names."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        if isinstance(tensor, Tensor):
            digest.update(name.encode() + raw(tensor))
    return digest.hexdigest()
