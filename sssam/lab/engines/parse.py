"""An engine from text, as a command line and a study file name it, or from a user's file."""

import inspect
import runpy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sssam.lab.engines.engine import Engine, Here
from sssam.lab.engines.local import Local
from sssam.lab.engines.slurm import Slurm
from sssam.lab.specs.invalid import nearest

#: The engines by name, each with an example of its text and the argument that its place is.
ENGINES: Mapping[str, tuple[type[Engine], str, str]] = {
    "here": (Here, "here", ""),
    "local": (Local, "local:4,threads=2", "jobs"),
    "slurm": (Slurm, "slurm:gpu,jobs=50,timeout_min=120", "partition"),
}


def parse(text: str) -> Engine:
    """An engine by name, with a place and options: `NAME[:PLACE][,OPTION=VALUE]...`.

    The place is the number of processes for "local", the partition for "slurm". The options are the
    arguments of the engine's class.

    Raises:
        ValueError: an unknown engine or option, a value out of its range or of a wrong type, a
            place where none is taken, an option twice.

    >>> parse("local:4,threads=2").jobs
    4
    """
    head, *words = text.split(",")
    name, _, place = head.strip().partition(":")
    if name not in ENGINES:
        raise ValueError(nearest("engine", name, ENGINES))
    kind, example, argument = ENGINES[name]
    try:
        if place and not argument:
            raise ValueError(f"it takes no place, got {place!r}")
        made: Engine = _call(kind, [f"{argument}={place}", *words] if place else words)
    except ValueError as error:
        raise ValueError(f"engine {text!r}: {error}; an example is {example!r}") from error
    return made


def chosen(asked: str | None, study: str | None) -> Engine:
    """The engine that a command asks for, or its study; by default a process for each core.

    A user's Python file is run where the command names it, and not where a study does.
    """
    if asked is not None and asked.split(",")[0].endswith(".py"):
        return load(asked)
    if text := asked or study:
        return parse(text)
    local = Local()
    return Here() if local.jobs == 1 else local


def load(text: str) -> Engine:
    """The engine that the function `engine` of `FILE.py[,OPTION=VALUE]...` returns.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it has no function `engine`, or that returns no engine; options as in `parse`.
    """
    file, *words = text.split(",")
    function = runpy.run_path(file, run_name=Path(file).stem).get("engine")
    made = _call(function, words) if callable(function) else None
    if not isinstance(made, Engine):
        raise ValueError(
            f"{file!r} has no function `engine` that returns an engine: return "
            "sssam.lab.engines.Pool(executor, jobs) for an executor of concurrent.futures"
        )
    return made


def _call(kind: Callable[..., Any], words: Sequence[str]) -> Any:
    """Calls it with the options, each a whole number or text."""
    given: dict[str, int | str] = {}
    for word in words:
        name, _, value = (part.strip() for part in word.partition("="))
        if not (name and value):
            raise ValueError(f"{word.strip()!r} is no option of the form NAME=VALUE")
        if name in given:
            raise ValueError(f"{name} is given twice: the place says it, or one option is enough")
        given[name] = int(value) if value.lstrip("-").isdecimal() else value
    signature = inspect.signature(kind)
    try:
        signature.bind(**given)
    except TypeError as error:
        raise ValueError(f"{error}: its options are {', '.join(signature.parameters)}") from error
    return kind(**given)
