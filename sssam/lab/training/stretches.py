"""What variants do at a step, each kind of it a run of its own whose blocks are timed."""

import math
from itertools import chain, count, islice
from typing import Any, Literal, NamedTuple

from lightning_fabric import Fabric
from torch.optim.swa_utils import update_bn

from sssam.lab.specs import Method, Run, Task
from sssam.lab.training import averages, loop, methods
from sssam.lab.training.prepare import prepare
from sssam.lab.training.state import Training
from sssam.lab.training.weights import Called, refreshed
from sssam.schedules import constant


class Work(NamedTuple):
    """What is timed: a step of a method, as text; or the update or refresh of its average."""

    method: str
    does: Literal["step", "update", "refresh"]


class Stretch:
    """A run whose work is timed: each call does a block of it; `seconds` are those of one."""

    def __init__(self, training: Training, does: str, steps: int) -> None:
        self.training, self.does, self.steps = training, does, steps
        self.parts = chain.from_iterable(loop.parts(training, epoch) for epoch in count())
        self.seconds: list[float] = []

    def __call__(self) -> None:
        training, parts = self.training, islice(self.parts, self.steps)
        if self.does == "update":
            for _ in range(self.steps):
                averages.update(training)
        elif self.does == "refresh":
            update_bn(((part.inputs,) for part in parts), Called(training.model))
        else:
            for part in parts:
                loop.step(training, part)
        loop.now(training.fabric.device)

    @property
    def passes(self) -> float:
        """Those of the work done once."""
        if self.does == "step":
            return self.training.propagations / self.training.position.step
        return 1 / 3 if self.does == "refresh" else 0.0


def mix(run: Run, trial: Training) -> dict[Work, float]:
    """How often a variant's mean step does each work over its whole run, early stopping apart."""
    method, steps = run.method, run.total_steps(len(trial.split.train))
    schedule, found = method.scheduling_function(), dict[Work, float]()
    if schedule is None:
        found[Work(alike(method), "step")] = 1.0
    else:
        often = schedule.mean_probability(steps)
        for p, share in ((0.0, 1 - often), (1.0, often)):
            if share:
                found[Work(alike(method, schedule=constant(p).to_dict()), "step")] = share
    if method.average != "none":
        plain: dict[str, Any] = {"kind": "base", "schedule": None, "options": {}, "rho": 0.0}
        averaged = alike(method, **plain, average=method.average, average_start=0.0)
        share = 1 - method.averaged_from
        found[Work(averaged, "update")] = share
        if refreshed(trial.network):
            found[Work(averaged, "refresh")] = share if method.patience else 1 / run.epochs
    return found


def alike(method: Method, **changes: Any) -> str:
    """A method as text, without what changes no step's time."""
    kept = method.model_dump(include={"kind", "schedule", "label_smoothing", "dropout"})
    kept["rho"] = methods.default_rho(method.kind) if method.rho else 0.0
    kept["options"] = {k: v for k, v in method.options.items() if not k.startswith("strength")}
    return Method(**{"label": "timed", **kept, **changes}).model_dump_json()


def prepared(task: Task, work: Work, fabric: Fabric, epochs: int) -> Training:
    """A run that does a work, for so many epochs."""
    task = task.model_copy(update={"epochs": epochs})
    return prepare(Run(task=task, method=Method.model_validate_json(work.method), seed=0), fabric)


def stretch(trial: Training, work: Work, size: int, rounds: int) -> Stretch:
    """A run long enough for all blocks, each of whole periods of a method that has one."""
    method = Method.model_validate_json(work.method)
    period = int({**methods.options(method.kind), **method.options}.get("k", 1))  # type: ignore[call-overload]
    steps = -(-size // period) * period
    epochs = math.ceil((rounds + 1) * steps * trial.run.epochs / trial.total_steps)
    training = prepared(trial.run.task, work, trial.fabric, epochs)
    training.split = trial.split
    return Stretch(training, work.does, steps)
