"""An engine from text, as a command line and a study file name it, or from a user's file."""

import inspect
from collections.abc import Callable, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

from sssam.lab.engines.dask import Dask
from sssam.lab.engines.engine import Engine
from sssam.lab.engines.local import Local
from sssam.lab.engines.pool import Here
from sssam.lab.engines.ray import Ray
from sssam.lab.engines.slurm import Slurm
from sssam.lab.specs.names import nearest


class _Kind(NamedTuple):
    """An engine's class, an example of its text, which argument its place is, and its scheme."""

    engine: type[Engine]
    example: str
    place: str = ""
    scheme: str = ""


#: The engines by name.
ENGINES: Mapping[str, _Kind] = MappingProxyType(
    {
        "here": _Kind(Here, "here"),
        "local": _Kind(Local, "local:4,threads=2", "jobs"),
        "dask": _Kind(Dask, "dask://host:8786", "scheduler", "tcp"),
        "ray": _Kind(Ray, "ray://head:10001", "address", "ray"),
        "slurm": _Kind(Slurm, "slurm:gpu,jobs=50,timeout_min=120", "partition"),
    }
)


def parse(text: str) -> Engine:
    """An engine by name, with a place and options: `NAME[:PLACE][,OPTION=VALUE]...`.

    The place is the number of processes for "local", the scheduler's address or scheduler file for
    "dask", the address for "ray", the partition for "slurm". The options are the arguments of the
    engine's class.

    >>> parse("local:4,threads=2").jobs
    4
    >>> parse("locl:4")
    Traceback (most recent call last):
        ...
    ValueError: unknown engine 'locl': did you mean 'local'? known are dask, here, local, ray, slurm

    Raises:
        ValueError: an unknown engine or option (with the nearest), a value out of its range or of a
            wrong type, a place where none is taken or none where one is needed, an option twice.
    """
    head, *words = text.split(",")
    name, _, place = head.strip().partition(":")
    if name not in ENGINES:
        raise ValueError(nearest("engine", name, ENGINES))
    kind = ENGINES[name]
    place = f"{kind.scheme}:{place}" if place.startswith("//") else place
    try:
        if place and not kind.place:
            raise ValueError(f"it takes no place, got {place!r}")
        made: Engine = _call(kind.engine, [f"{kind.place}={place}", *words] if place else words)
    except ValueError as error:
        raise ValueError(f"engine {text!r}: {error}; an example is {kind.example!r}") from error
    return made


def chosen(asked: str | None, study: str | None, ranks: int) -> Engine:
    """The engine that a command asks for, or its study; by default a process for each core.

    A user's Python file is run where the command names it, and not where a study does.

    Args:
        asked: what the command says.
        study: what the study's file says.
        ranks: how many torchrun started; 1 without it.

    Raises:
        ValueError: no such engine; under torchrun, one whose workers are not its ranks.
        FileNotFoundError: the command names a Python file that does not exist.
    """
    if asked is not None and asked.split(",")[0].endswith(".py"):
        return load(asked)
    text = asked or study
    if ranks == 1:
        local = Local()
        default = Here(threads=1) if local.jobs == 1 else local
        return parse(text) if text else default
    found = parse(text or "here")
    if not found.in_process:
        raise ValueError(
            f"the engine is {text!r}, but torchrun's ranks train one run together: give "
            "--engine here, or start without torchrun"
        )
    return found


def load(text: str) -> Engine:
    """The engine that the function `engine` of a user's Python file returns.

    Args:
        text: `FILE.py[,OPTION=VALUE]...`; the options are the function's arguments.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it has no function `engine`, or that returns no engine; options as in `parse`.
    """
    file, *words = text.split(",")
    loader = SourceFileLoader(Path(file).stem, file)
    module = ModuleType(loader.name)
    loader.exec_module(module)
    function = getattr(module, "engine", None)
    made = _call(function, words) if callable(function) else None
    if not isinstance(made, Engine):
        raise ValueError(
            f"{file!r} has no function `engine` that returns an engine: return "
            "sssam.lab.engines.Pool(executor, jobs) for an executor of concurrent.futures"
        )
    return made


def _call(kind: Callable[..., Any], words: list[str]) -> Any:
    """Calls it with the options, of which none may be unknown, missing or given twice."""
    parameters = inspect.signature(kind).parameters
    any_name = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    given: dict[str, int | str] = {}
    for word in words:
        name, _, value = (part.strip() for part in word.partition("="))
        if not (name and value):
            raise ValueError(f"{word.strip()!r} is no option of the form NAME=VALUE")
        if name in given:
            raise ValueError(f"{name} is given twice: the place says it, or one option is enough")
        if name not in parameters and not any_name:  # those of Slurm are judged by submitit
            raise ValueError(nearest("option", name, parameters))
        is_whole = value.lstrip("-").isdecimal()
        if name in ("jobs", "threads") and not is_whole:
            raise ValueError(f"{name} is {value!r}, must be a whole number, at least 1")
        given[name] = int(value) if is_whole else value
    for name, each in parameters.items():
        if each.default is each.empty and each.kind is not each.VAR_KEYWORD and name not in given:
            raise ValueError(f"{name} is missing: give it as {name}=VALUE, or as the place")
    return kind(**given)
