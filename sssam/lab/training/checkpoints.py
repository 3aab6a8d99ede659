"""A run cut at the end of an epoch, as a file that holds tensors, numbers and text alone."""

import os
from pathlib import Path
from typing import Any

import torch

from sssam.lab.specs import Run
from sssam.lab.specs.base import leaves
from sssam.lab.training.state import Position, Training
from sssam.runtime import files

#: What marks the file as ours, with the version of its layout.
FORMAT = "sssam.lab checkpoint 2"


class CheckpointError(OSError):
    """A checkpoint that could not be written: the disk's fault, not the run's."""


def save(path: Path, run: Run, state: dict[str, Any]) -> None:
    """Writes a checkpoint whole or not at all; the file of before is replaced, its folder made.

    Raises:
        CheckpointError: the disk is full or the path can't be written; the file of before is still
            there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.save(path, format=FORMAT, run=run.model_dump_json(), **state)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise CheckpointError(
            error.errno,
            f"the checkpoint {str(path)!r} could not be written: {reason}. The one of "
            "before is still there; make room, or give another path, and start again",
        ) from error


def load(path: Path, run: Run) -> dict[str, Any]:
    """The state that `save` wrote, on the CPU; nothing in the file is executed.

    Raises:
        ValueError: the file is no checkpoint, or one of another run: the text names what differs.
    """
    stored, state = read(path)
    if stored.id != run.id:
        apart = {"task": {"data": {"path"}, "code": {"path"}}}  # where they lie makes no other run
        there, asked = (dict(leaves(r.model_dump(exclude=apart))) for r in (stored, run))
        differ = [key for key in there | asked if there.get(key) != asked.get(key)]
        texts = [f"{key} is {there.get(key)!r} there, not {asked.get(key)!r}" for key in differ]
        raise ValueError(
            f"checkpoint {str(path)!r} is of another run: {'; '.join(texts)}. Give another path, "
            "or delete the file to start anew"
        )
    return state


def read(path: Path) -> tuple[Run, dict[str, Any]]:
    """The run of a checkpoint, and its state as `load` gives it, whatever the run is.

    Raises:
        ValueError: the file is no checkpoint of the laboratory's.
        FileNotFoundError: there is no such file.
    """
    state = files.load(path)
    if state.get("format") != FORMAT:
        raise ValueError(f"{str(path)!r} is no checkpoint of sssam.lab: give another path")
    return Run.model_validate_json(state["run"]), state


def state(training: Training) -> dict[str, Any]:
    """What a checkpoint keeps: tensors, numbers and text, so that it loads with weights only."""
    device = training.fabric.device
    return {
        "model": training.network.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "scheduler": training.scheduler.state_dict(),
        "scaler": training.fabric.strategy.precision.state_dict(),
        "generator": torch.get_rng_state(),
        "device_generator": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "position": training.position.model_dump(),
        "average": None if training.average is None else training.average.state_dict(),
        "evaluated": training.evaluated,
    }


def restore(training: Training, saved: dict[str, Any]) -> None:
    """Puts a run where `state` took it."""
    training.network.load_state_dict(saved["model"])
    training.optimizer.load_state_dict(saved["optimizer"])
    training.scheduler.load_state_dict(saved["scheduler"])
    training.fabric.strategy.precision.load_state_dict(saved["scaler"])
    torch.set_rng_state(saved["generator"])
    device = training.fabric.device
    if device.type == "cuda" and saved["device_generator"] is not None:
        torch.cuda.set_rng_state(saved["device_generator"], device)
    if training.average is not None:
        training.average.load_state_dict(saved["average"])
    training.evaluated = saved["evaluated"]
    training.position = Position.model_validate(saved["position"])
