"""A run cut at the end of an epoch, as a file that holds tensors, numbers and text alone."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from sssam.lab.records import write_whole
from sssam.lab.specs import Run

#: What marks the file as ours, with the version of its layout.
FORMAT = "sssam.lab checkpoint 1"


def save(path: Path, run: Run, state: dict[str, Any]) -> None:
    """Writes a checkpoint whole or not at all; the file of before is replaced.

    Raises:
        OSError: the disk is full or the path can't be written; the file of before is still there.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "run": run.model_dump_json(), **state}, buffer)
    try:
        write_whole(path, buffer.getvalue())
    except OSError as error:
        raise OSError(
            error.errno,
            f"the checkpoint {str(path)!r} could not be written: {error.strerror}. The one of "
            "before is still there; make room, or give another path, and start again",
        ) from error


def load(path: Path, run: Run) -> dict[str, Any]:
    """The state that `save` wrote, on the CPU; nothing in the file is executed.

    Raises:
        ValueError: the file is no checkpoint, or one of another run: the text names both.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, RuntimeError, ValueError) as error:
        raise ValueError(f"{str(path)!r} is no checkpoint, or is torn: {error}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(f"{str(path)!r} is no checkpoint of sssam.lab: give another path")
    held = Run.model_validate_json(state["run"])
    if held.id != run.id:
        raise ValueError(
            f"checkpoint {str(path)!r} is of another run: it holds {_named(held)}, asked for is "
            f"{_named(run)}; give another path, or delete the file to start anew"
        )
    return state


def _named(run: Run) -> str:
    model = " ".join([run.task.model.name, "-".join(map(str, run.task.model.widths))]).strip()
    return f"{run.task.name!r} {run.method.label!r} seed {run.seed} ({model}, id {run.id})"
