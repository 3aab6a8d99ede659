"""One run -> one record, on Lightning Fabric; a run that was cut goes on where it stood."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import torch
from lightning_fabric import Fabric

from sssam.lab import checkpoints, environment, evaluate, loop, methods, tasks
from sssam.lab.data import Examples
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
    accelerator: str = "cpu",
    devices: int | list[int] | str = 1,
    precision: Precision = "32-true",
    threads: int = 1,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Record:
    """Trains one run and measures it; the same run gives the same record, times apart.

    The test set is touched once, at the end. A run whose loss or weights stop being finite stops at
    the end of that epoch, and its record says "diverged".

    Args:
        run: what to train.
        checkpoint: a file to go on from, where it exists, and to keep the state in.
        every: epochs between two checkpoints, at least 1.
        accelerator: "cpu", "cuda", "mps" or "auto", as Fabric takes them.
        devices: 1, or which one, such as `[3]`; a run trains on one, a study on many at once.
        precision: as Fabric takes it; "16-mixed" is not among them, its scaler calls no closure.
        threads: torch's threads while this trains, at least 1; results can depend on them.
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
        training = prepare(run, fabric)
        if checkpoint is not None and checkpoint.exists():
            _restore(training, checkpoints.load(checkpoint, run))
        _epochs(training, checkpoint, every, on_epoch)
        return _record(training, precision)


def _epochs(
    training: Training,
    checkpoint: Path | None,
    every: int,
    on_epoch: Callable[[Epoch], object] | None,
) -> None:
    """Trains to the end, or until nothing is finite any more."""
    position, epochs = training.position, loop.epochs(training.run)
    while position.epoch < epochs and position.finite:
        loop.run_epoch(training)
        position.curve.append(_point(training))
        last = position.epoch == epochs or not position.finite
        if checkpoint is not None and (last or position.epoch % every == 0):
            checkpoints.save(checkpoint, training.run, _state(training))
        if on_epoch is not None:
            on_epoch(Epoch(training.run, position.epoch, epochs, position.curve[-1]))


def _point(training: Training) -> Point:
    split, position = training.split, training.position
    subset = Examples(*(part[: evaluate.FIXED_SUBSET] for part in split.train))
    loss = evaluate.judge(training.model, subset).loss
    forwards, backwards = methods.passes_run(training.optimizer, position.step)
    return Point(
        step=position.step,
        propagations=(forwards + 2 * backwards) / 3,
        train_loss=loss if abs(loss) < float("inf") else None,
        validation_accuracy=evaluate.judge(training.model, split.validation).accuracy,
        learning_rate=position.rate,
    )


def _record(training: Training, precision: str) -> Record:
    """Measures the test set, once, and gathers what the run was."""
    position, test = training.position, training.split.test
    judged = evaluate.judge(training.model, test)
    guessing = judged.accuracy <= evaluate.chance(test)
    forwards, backwards = methods.passes_run(training.optimizer, position.step)
    return Record(
        run=training.run,
        outcome="diverged" if guessing or not position.finite else "finished",
        steps=position.step,
        train_loss=position.curve[-1].train_loss,
        validation_accuracy=position.curve[-1].validation_accuracy,
        test_accuracy=judged.accuracy,
        correct=judged.bits,
        test_size=len(test),
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
    )


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
