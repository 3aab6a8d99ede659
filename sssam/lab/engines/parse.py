"""An engine from text, as a command line and a study file name it."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sssam.lab.engines.dask import Dask
from sssam.lab.engines.engine import Engine
from sssam.lab.engines.here import Here
from sssam.lab.engines.local import Local
from sssam.lab.engines.ray import Ray
from sssam.lab.engines.slurm import Slurm
from sssam.lab.specs.names import nearest

#: The engines by name, with an example of each.
ENGINES: Mapping[str, tuple[type[Engine], str]] = MappingProxyType(
    {
        "here": (Here, "here"),
        "local": (Local, "local:4,threads=2"),
        "dask": (Dask, "dask://host:8786"),
        "ray": (Ray, "ray://head:10001"),
        "slurm": (Slurm, "slurm:gpu,jobs=50,timeout_min=120"),
    }
)


def parse(text: str) -> Engine:
    """An engine by name, with a place and options: `NAME[:PLACE][,OPTION=VALUE]...`.

    The place is the number of processes for "local", the scheduler's address or scheduler file for
    "dask", the address for "ray", the partition for "slurm". The options are the arguments of the
    engine's class.

    >>> parse("local:4,threads=2").slots()
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
    kind, example = ENGINES[name]
    try:
        given = _given(*_PLACES[name](place).items(), *map(_option, words))
        _require_known(kind, given)
        return kind(**given)
    except ValueError as error:
        raise ValueError(f"engine {text!r}: {error}; an example is {example!r}") from error


def _given(*pairs: tuple[str, Any]) -> dict[str, Any]:
    given = dict(pairs)
    for name in given:
        if sum(name == each for each, _ in pairs) > 1:
            raise ValueError(f"{name} is given twice: the place says it, or one option is enough")
    return given


def _option(word: str) -> tuple[str, Any]:
    name, equals, value = (part.strip() for part in word.partition("="))
    if not (name and equals and value):
        raise ValueError(f"{word.strip()!r} is no option of the form NAME=VALUE")
    if name in ("jobs", "threads"):
        return name, _whole(name, value)
    return name, int(value) if value.isdecimal() else value


def _whole(name: str, text: str) -> int:
    if not text.lstrip("-").isdecimal():
        raise ValueError(f"{name} is {text!r}, must be a whole number, at least 1")
    return int(text)


def _require_known(kind: type[Engine], given: Mapping[str, object]) -> None:
    """Refuses an option that the class does not take; submitit judges those that it may take."""
    arguments = inspect.signature(kind).parameters
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in arguments.values()):
        return
    for name in given:
        if name not in arguments:
            raise ValueError(nearest("option", name, arguments))


def _nowhere(place: str) -> dict[str, Any]:
    if place:
        raise ValueError(f"it takes no place, got {place!r}")
    return {}


def _processes(place: str) -> dict[str, Any]:
    return {"jobs": _whole("the number of processes", place)} if place else {}


def _scheduler(place: str) -> dict[str, Any]:
    if not place:
        raise ValueError("it needs the scheduler's address, or its scheduler file")
    if place.startswith("//"):
        return {"address": f"tcp:{place}"}
    return {"address": place} if "://" in place else {"scheduler_file": place}


def _head(place: str) -> dict[str, Any]:
    if place.startswith("//"):
        return {"address": f"ray:{place}"}
    return {"address": place} if place else {}


def _partition(place: str) -> dict[str, Any]:
    return {"partition": place} if place else {}


_PLACES: Mapping[str, Callable[[str], dict[str, Any]]] = MappingProxyType(
    {
        "here": _nowhere,
        "local": _processes,
        "dask": _scheduler,
        "ray": _head,
        "slurm": _partition,
    }
)
