"""One run -> one record, on Lightning Fabric; a run that was cut goes on where it stood."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any, Literal, NamedTuple, get_args

import torch
from lightning_fabric import Fabric

from sssam.lab import checkpoints, environment, evaluate, loop, memory, methods, tasks
from sssam.lab.evaluate import Judged
from sssam.lab.examples import Examples, Streamed
from sssam.lab.loop import Position, Training
from sssam.lab.prepare import prepare
from sssam.lab.seeds import derived
from sssam.lab.specs import Point, Record, Run

#: Those in which no loss is scaled: a scaler calls no closure.
Precision = Literal["32-true", "64-true", "bf16-mixed", "bf16-true"]


class Epoch(NamedTuple):
    """What is told at the end of an epoch: how many of how many are done, and the last point."""

    run: Run
    epoch: int
    epochs: int
    point: Point


def train(
    run: Run,
    *,
    checkpoint: Path | None = None,
    every: int = 1,
    least_seconds: float = 0.0,
    accelerator: str = "cpu",
    devices: int | list[int] | str = 1,
    precision: Precision = "32-true",
    threads: int = 1,
    test: bool = True,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Record:
    """Trains one run and measures it; the same run gives the same record, times apart.

    The test set is touched once, at the end, or not at all. A run whose loss or weights stop being
    finite stops at the end of that epoch, and its record says "diverged".

    Args:
        run: what to train.
        checkpoint: a file to go on from, where it exists, and to keep the state in.
        every: epochs between two checkpoints, at least 1.
        least_seconds: between two checkpoints, or the start and the first; others are left out.
        accelerator: "cpu", "cuda", "mps" or "auto", as Fabric takes them.
        devices: 1, or which one, such as `[3]`; a run trains on one, a study on many at once.
        precision: as Fabric takes it; "16-mixed" is not among them, its scaler calls no closure.
        threads: torch's threads while this trains, at least 1; results can depend on them.
        test: whether the test set is measured. If not, the record's fields of it stay empty, and
            "diverged" is told from the validation set: for a search, which must not see the test.
        on_epoch: called at the end of each epoch.

    Raises:
        ValueError: an unknown name, a hyperparameter out of range, a checkpoint of another run.
        FileNotFoundError: the data's path does not exist.
        OSError: a checkpoint could not be written.
    """
    _require_whole("every", every, "epochs between two checkpoints")
    _require_whole("threads", threads, "torch's threads")
    if precision not in get_args(Precision):
        raise ValueError(f"precision is {precision!r}, must be one of {get_args(Precision)}")
    tasks.check(run.task)
    with _alone(threads, run.seed):
        fabric = Fabric(accelerator=accelerator, devices=devices, precision=precision)
        _require_one_device(fabric, devices)
        peak = memory.Peak(fabric.device)
        training = prepare(run, fabric)
        if checkpoint is not None and checkpoint.exists():
            _restore(training, checkpoints.load(checkpoint, run))
        _epochs(training, _Keeper(checkpoint, every, least_seconds), on_epoch)
        record = _record(training, precision, test)
        return record.model_copy(update={"peak_memory": peak.bytes()})


class _Keeper:
    """Writes a checkpoint at the epochs' ends where one is due."""

    def __init__(self, path: Path | None, every: int, least_seconds: float) -> None:
        self.path, self.every, self.least_seconds = path, every, least_seconds
        self.last = monotonic()

    def __call__(self, training: Training, end: bool) -> None:
        due = end or training.position.epoch % self.every == 0
        if self.path is None or not due or monotonic() - self.last < self.least_seconds:
            return
        checkpoints.save(self.path, training.run, _state(training))
        self.last = monotonic()


def _epochs(
    training: Training,
    keep: _Keeper,
    on_epoch: Callable[[Epoch], object] | None,
) -> None:
    """Trains to the end, or until nothing is finite any more."""
    position, epochs = training.position, loop.epochs(training.run)
    while position.epoch < epochs and position.finite:
        loop.run_epoch(training)
        position.curve.append(_point(training))
        keep(training, end=position.epoch == epochs or not position.finite)
        if on_epoch is not None:
            on_epoch(Epoch(training.run, position.epoch, epochs, position.curve[-1]))


def _point(training: Training) -> Point:
    split, position = training.split, training.position
    loss = _judged(training, split.train.head(evaluate.FIXED_SUBSET)).loss
    forwards, backwards = methods.passes_run(training.optimizer, position.step)
    return Point(
        step=position.step,
        propagations=(forwards + 2 * backwards) / 3,
        train_loss=loss if abs(loss) < float("inf") else None,
        validation_accuracy=_judged(training, split.validation).accuracy,
        learning_rate=position.rate,
    )


def _record(training: Training, precision: str, test: bool) -> Record:
    """Measures the test set, once, or leaves it alone; and gathers what the run was."""
    position, split = training.position, training.split
    judged = _judged(training, split.test if test else split.validation)
    forwards, backwards = methods.passes_run(training.optimizer, position.step)
    return Record(
        run=training.run,
        outcome="diverged" if judged.guessing or not position.finite else "finished",
        steps=position.step,
        train_loss=position.curve[-1].train_loss,
        validation_accuracy=position.curve[-1].validation_accuracy,
        ascended=hex(position.ascended),
        forwards=forwards,
        backwards=backwards,
        propagations=(forwards + 2 * backwards) / 3 / position.step,
        expected_propagations=methods.expected_propagations(training.optimizer),
        seconds=position.seconds,
        curve=tuple(position.curve),
        sample_hash=position.order,
        initial_hash=position.initial,
        environment=environment.describe(training.fabric.device, precision),
        **(_tested(judged) if test else {}),
    )


def _tested(judged: Judged) -> dict[str, Any]:
    """A record's fields of the test set."""
    return {
        "test_accuracy": judged.accuracy,
        "correct": judged.bits,
        "test_size": len(judged.scores),
        "test_hash": judged.targets,
    }


def _judged(training: Training, examples: Examples | Streamed) -> Judged:
    problem = training.problem
    return evaluate.judge(training.model, examples, problem.loss, problem.metric)


def _state(training: Training) -> dict[str, Any]:
    """What a checkpoint keeps: tensors, numbers and text, so that it loads with weights only."""
    kept = asdict(training.position)
    kept["ascended"] = hex(training.position.ascended)
    kept["curve"] = [point.model_dump() for point in training.position.curve]
    return {
        "model": training.network.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "scheduler": training.scheduler.state_dict(),
        "generator": torch.get_rng_state(),
        "position": kept,
    }


def _restore(training: Training, state: dict[str, Any]) -> None:
    kept = dict(state["position"])
    kept["ascended"] = int(kept["ascended"], 16)
    kept["curve"] = [Point.model_validate(point) for point in kept["curve"]]
    training.network.load_state_dict(state["model"])
    training.optimizer.load_state_dict(state["optimizer"])
    training.scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["generator"])
    training.position = Position(**kept)


@contextmanager
def _alone(threads: int, seed: int) -> Iterator[None]:
    """Torch's threads and global generator for the time of a run, then as they were."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derived("global", seed))
            yield
    finally:
        torch.set_num_threads(before)


def _require_whole(name: str, value: int, meaning: str) -> None:
    if value < 1:
        raise ValueError(f"{name} is {value}, must be at least 1: {meaning}")


def _require_one_device(fabric: Fabric, devices: int | list[int] | str) -> None:
    if fabric.world_size != 1:
        raise ValueError(
            f"devices is {devices!r}, must be one device: a run trains on one; train several "
            "seeds at once instead"
        )
