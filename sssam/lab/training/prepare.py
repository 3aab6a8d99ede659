"""A run before its first step: data, model, optimizer and learning rate."""

import hashlib
from functools import partial
from typing import TYPE_CHECKING, cast

from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR

from sssam.lab.specs import Run
from sssam.lab.tasks import problems
from sssam.lab.tasks.examples import raw
from sssam.lab.tasks.problem import Judgement, OwnOptimizer, cross_entropy
from sssam.lab.training import methods, weights
from sssam.lab.training.state import Position, SplitData, Training

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def prepare(run: Run, fabric: "Fabric") -> Training:
    """All that a run trains with, on Fabric's device; whatever a user's own task raises goes on."""
    problem = problems.make(run.task, run.seed)
    network = problem.model
    set_dropout(run, network)
    initial = _weights_hash(network)
    model = fabric.setup_module(network)
    split = SplitData(*(part.to(fabric.device) for part in problem.parts))
    steps = run.total_steps(len(split.train))
    base = base_optimizer(run, network, problem.optimizer)
    optimizer = methods.build(run.method, base, steps, run.seed, network)
    return Training(
        run=run,
        fabric=fabric,
        problem=problem,
        loss=training_loss(run, problem.loss),
        split=split,
        network=network,
        model=model,
        base=base,
        optimizer=optimizer,
        scheduler=_scheduler(run, base, steps),
        position=Position(initial=initial),
        average=weights.averaged(run, network, steps),
        proxy=cast(Optimizer, fabric.setup_optimizers(optimizer)),
    )


def training_loss(run: Run, own: Judgement) -> Judgement:
    """The loss that is trained on: a task's, with the method's label smoothing.

    Raises:
        ValueError: label smoothing with a loss of the task's own.
    """
    smoothing = run.method.label_smoothing
    if not smoothing:
        return own
    if own is not cross_entropy:
        raise ValueError(
            f"label_smoothing of method {run.method.label!r} is {smoothing:g}, must be 0: task "
            f"{run.task.name!r} has a loss of its own; smooth the labels there"
        )
    return partial(cross_entropy, label_smoothing=smoothing)


def set_dropout(run: Run, model: nn.Module) -> None:
    """Gives every dropout layer of the model the method's probability, if it has one.

    Raises:
        ValueError: the model has no such layer.
    """
    if run.method.dropout is None:
        return
    layers = [layer for layer in model.modules() if isinstance(layer, _DropoutNd)]
    if not layers:
        raise ValueError(
            f"dropout of method {run.method.label!r} is {run.method.dropout:g}, must be left out: "
            f"the model of task {run.task.name!r} has no dropout layer; add a torch.nn.Dropout(0)"
        )
    for layer in layers:
        layer.p = run.method.dropout


def base_optimizer(run: Run, network: nn.Module, own: OwnOptimizer | None = None) -> Optimizer:
    """The torch optimizer that a run's method is put around, or the user's own.

    Raises:
        TypeError: the user's function returns no torch optimizer.
        ValueError: a method's weight decay, where the user's function makes the optimizer.
    """
    task, method = run.task, run.method
    rate = task.learning_rate if method.learning_rate is None else method.learning_rate
    decay = task.weight_decay if method.weight_decay is None else method.weight_decay
    if own is not None:
        if method.weight_decay is not None:
            raise ValueError(
                f"weight_decay of method {method.label!r} is {decay:g}, must be left out: the "
                "optimizer is the task's own; set its weight decay there"
            )
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


def _weights_hash(network: nn.Module) -> str:
    """The SHA-256 of the weights and buffers by their names."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        if isinstance(tensor, Tensor):
            digest.update(name.encode() + raw(tensor))
    return digest.hexdigest()
