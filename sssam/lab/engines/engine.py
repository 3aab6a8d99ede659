"""What all engines share: they lend a standard executor, and say how a lost worker shows."""

import importlib
from abc import ABC, abstractmethod
from concurrent.futures import Executor
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, ClassVar, Self

#: Seconds in which a cluster must answer.
PATIENCE = 5.0


class WorkerLostError(RuntimeError):
    """The process that did a piece of work ended before it gave an answer."""


class Engine(ABC):
    """Where runs are trained; a context that is left without an error only when all are done.

    Left with an error (Ctrl-C too), it stops what it can of the work under way. `threads` are
    torch's in each process. Use: `open` with the study's directory, enter, then `executor()` before
    each submission, since the one of before may have broken.
    """

    #: Whether a worker that dies takes all work under way with it, so that none is to blame yet.
    shares_fate: ClassVar[bool] = False
    #: Whether work is done in this process, where callbacks can be called.
    in_process: ClassVar[bool] = False
    #: Whether workers have this machine's devices.
    on_this_machine: ClassVar[bool] = False

    threads: int = 1

    def open(self, directory: Path, runs: int) -> Self:
        """Tells where the study is and how many runs it has; to be entered next."""
        return self

    def __enter__(self) -> Self:
        """Reaches the workers.

        Raises:
            ConnectionError: they can't be reached; the text says what to check.
            ModuleNotFoundError: a library is missing; the text says how to install it.
        """
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(abort=kind is not None)

    @abstractmethod
    def slots(self) -> int:
        """How many runs may be under way now, at least 1."""

    @abstractmethod
    def executor(self) -> Executor:
        """The executor to submit to now: a new one where that of before broke.

        Raises:
            ConnectionError: the cluster has gone.
        """

    @abstractmethod
    def lost(self) -> tuple[type[BaseException], ...]:
        """The errors of a future whose worker ended, as opposed to errors of the work."""

    @abstractmethod
    def close(self, abort: bool) -> None:
        """Lets go of the workers; `abort` ends the work under way, where that is possible.

        Afterwards no worker lives on whose future has failed, where the engine can end it.
        """


def need(module: str, extra: str) -> Any:
    """A module of an optional library.

    Raises:
        ModuleNotFoundError: it is not installed; the text names the extra to install.
    """
    try:
        found: ModuleType = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the engine {extra!r} needs the library {module.partition('.')[0]!r}, which is not "
            f"installed (no module {error.name!r}): pip install 'sssam[{extra}]'",
            name=error.name,
        ) from error
    return found


def at_least_one(name: str, value: int) -> int:
    """`value`, if it is at least 1.

    Raises:
        ValueError: it is not.
    """
    if value < 1:
        raise ValueError(f"{name} is {value}, must be at least 1")
    return value
