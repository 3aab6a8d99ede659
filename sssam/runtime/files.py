"""Files that are written whole or not at all, and checkpoints that are safe to load."""

import os
import pickle
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import torch


def save(path: str | os.PathLike[str], /, **objects: Any) -> None:
    """Write a checkpoint: the state of each object under its name, whole or not at all.

    The file is written under another name, put on the disk, and renamed: a process that is killed,
    or a machine that stops, at any moment leaves the file of before or the whole new one. What
    would not load again safely is refused now, not when it is needed. On several ranks, one saves.

    Args:
        path: of the file; the one of before is replaced.
        objects: models, optimizers, schedulers, scalers and all else with a `state_dict()`, which
            is called; or values: tensors, numbers (NumPy's become Python's), text, None, and dicts,
            lists and tuples of them.

    Raises:
        OSError: the disk is full or the path can't be written; the file of before is still there.
        TypeError: a value of another kind, which a safe load would refuse.

    >>> import tempfile
    >>> model = torch.nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/run.pt", model=model, epoch=3, generator=torch.get_rng_state())
    ...     saved = load(f"{folder}/run.pt")
    >>> model.load_state_dict(saved["model"])
    <All keys matched successfully>
    >>> saved["epoch"]
    3
    """
    state = {
        name: _plain(value.state_dict() if hasattr(value, "state_dict") else value)
        for name, value in objects.items()
    }
    try:
        with replacing(Path(path)) as file:
            _write(state, file)
            _require_safe(file.name)
    except OSError as error:
        raise OSError(
            error.errno,
            f"the checkpoint {os.fspath(path)!r} could not be written: {error.strerror}. The one "
            "of before is still there; make room, or give another path",
        ) from error


def load(
    path: str | os.PathLike[str], /, map_location: str | torch.device = "cpu"
) -> dict[str, Any]:
    """What `save` wrote, by name. Nothing in the file is executed (`weights_only=True`).

    Args:
        path: of the file.
        map_location: the device of the tensors. Default: the CPU, from which `load_state_dict`
            copies to where its object is.

    Raises:
        ValueError: the file is torn, is no checkpoint, or holds more than is safe to load.
        OSError: there is no such file, or it can't be read.
    """
    _require_whole(path)
    try:
        state = torch.load(path, map_location=map_location, weights_only=True)
    except (pickle.UnpicklingError, EOFError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{os.fspath(path)!r} is no checkpoint of tensors, numbers and text: {error}"
        ) from error
    if not isinstance(state, dict):
        raise ValueError(f"{os.fspath(path)!r} is no checkpoint of sssam.save: give another path")
    return state


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's: learning rates are often such, and a safe load refuses them."""
    if type(value) is dict:
        return {key: _plain(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    is_number = type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()
    return value.item() if is_number else value


def _write(state: dict[str, Any], file: BinaryIO) -> None:
    try:
        torch.save(state, file)
    except RuntimeError as error:
        # Torch reports what it was about to write where; the reason is in what came before that.
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        raise
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(f"a checkpoint can't hold this: {error}") from error
    file.flush()


def _require_safe(path: str) -> None:
    # Mapped, not read: the tensors stay on the disk.
    try:
        torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        kind = re.search(r"GLOBAL (\S+)", str(error))
        raise TypeError(
            "a checkpoint holds tensors, numbers, text, and dicts, lists and tuples of them, so "
            "that loading it executes nothing; give objects with a state_dict() instead of "
            f"{kind[1] if kind else str(error).splitlines()[0]}"
        ) from error


def _require_whole(path: str | os.PathLike[str]) -> None:
    # Torch looks at the file's end alone; a page that never reached the disk it would not see.
    try:
        with zipfile.ZipFile(path) as archive:
            torn = archive.testzip()
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(
            f"{os.fspath(path)!r} is no checkpoint, or is torn: {error}; take an earlier one"
        ) from error
    if torn is not None:
        raise ValueError(
            f"{os.fspath(path)!r} is torn: its part {torn!r} is not what was written; take an "
            "earlier one"
        )


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A draft to write to, which then is put on the disk and takes the place of the file.

    A reader, and a machine that stops at any moment, finds the file of before or the whole new one.

    Raises:
        OSError: as the system gives it; the file of before is still there.
    """
    draft = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        with draft.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; see `replacing`."""
    with replacing(path) as file:
        file.write(content)


def _sync_directory(directory: Path) -> None:
    """Puts the new name on the disk, where the system can (Windows opens no directories)."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
