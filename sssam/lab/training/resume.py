"""What of a run a checkpoint holds, when it is written, and how a run goes on from it."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from sssam.lab.specs import Point
from sssam.lab.training import checkpoints
from sssam.lab.training.hardware import together
from sssam.lab.training.state import Position, Training
from sssam.lab.training.weights import evaluated_epoch


class Keeper:
    """Writes a checkpoint at an epoch's end where one is due; the first rank decides and writes.

    Args:
        path: the file; None for no checkpoints.
        least_seconds: between two, or the start and the first.
    """

    def __init__(self, path: Path | None, least_seconds: float) -> None:
        self.path, self.least_seconds = path, least_seconds
        self.last = monotonic()

    def __call__(self, training: Training) -> None:
        """After an epoch.

        Raises:
            CheckpointError: it could not be written.
        """
        due = monotonic() - self.last >= self.least_seconds
        if self.path is None or not agreed(training, due):
            return
        saved = state(training)
        if not training.share.rank:
            checkpoints.save(self.path, training.run, saved)
        self.last = monotonic()


def agreed(training: Training, answer: Any) -> Any:
    """The first rank's answer, on all ranks."""
    return answer if training.share.world == 1 else training.fabric.broadcast(answer)


def go_on(training: Training, path: Path | None) -> None:
    """Puts a run where a checkpoint left it, if there is one; the first rank alone reads it.

    Raises:
        ValueError: it is no checkpoint, or another run's.
    """

    def read() -> dict[str, Any] | None:
        here = path is not None and not training.share.rank and path.exists()
        return checkpoints.load(path, training.run) if path is not None and here else None

    saved = agreed(training, together(training.fabric, read))
    if saved is not None:
        restore(training, saved)


def state(training: Training) -> dict[str, Any]:
    """What a checkpoint keeps: tensors, numbers and text, so that it loads with weights only."""
    kept = asdict(training.position)
    kept["ascended"] = hex(training.position.ascended)
    kept["curve"] = [point.model_dump() for point in training.position.curve]
    return {
        "model": training.network.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "scheduler": training.scheduler.state_dict(),
        "scaler": training.fabric.strategy.precision.state_dict(),
        "generator": torch.get_rng_state(),
        "device_generator": _on_cuda(training, torch.cuda.get_rng_state),
        "position": kept,
        "average": None if training.average is None else training.average.state_dict(),
        "evaluated": training.evaluated,
        "evaluated_epoch": evaluated_epoch(training),
    }


def restore(training: Training, saved: dict[str, Any]) -> None:
    """Puts a run where `state` took it, on as many ranks or on another number."""
    kept = dict(saved["position"])
    kept["ascended"] = int(kept["ascended"], 16)
    kept["curve"] = [Point.model_validate(point) for point in kept["curve"]]
    training.network.load_state_dict(saved["model"])
    training.optimizer.load_state_dict(saved["optimizer"])
    training.scheduler.load_state_dict(saved["scheduler"])
    training.fabric.strategy.precision.load_state_dict(saved["scaler"])
    torch.set_rng_state(saved["generator"])
    if (generator := saved["device_generator"]) is not None:
        _on_cuda(training, lambda device: torch.cuda.set_rng_state(generator, device))
    if training.average is not None:
        training.average.load_state_dict(saved["average"])
    training.evaluated = saved["evaluated"]
    training.position = Position(**kept)


def _on_cuda(training: Training, use: Callable[[torch.device], Any]) -> Any:
    """What `use` makes of the device, where that has a generator of its own; else None."""
    device = training.fabric.device
    return use(device) if device.type == "cuda" else None
