"""This process itself: one run after the other."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

import loky

from sssam.lab.engines.engine import Engine, at_least_one

P = ParamSpec("P")
T = TypeVar("T")


class Here(Engine):
    """Trains in this process, under torchrun on all of its ranks together.

    Args:
        threads: torch's; default 1, as the other engines have it by default, so that records agree
            to the last digit, and no thread waits for one that other work holds up. Under torchrun,
            whose ranks train one large run, the machine's cores shared among them.

    Raises:
        ValueError: threads below 1.
    """

    in_process = True
    on_this_machine = True

    def __init__(self, threads: int | None = None) -> None:
        self.threads = _share_of_cores() if threads is None else at_least_one("threads", threads)

    def slots(self) -> int:
        """One run at a time."""
        return 1

    def executor(self) -> Executor:
        """An executor whose `submit` does the work before it returns."""
        return _Inline()

    def lost(self) -> tuple[type[BaseException], ...]:
        """Nothing: if this process dies, so does the study."""
        return ()

    def close(self, abort: bool) -> None:
        """Nothing is held."""


def _share_of_cores() -> int:
    ranks = int(os.environ.get("LOCAL_WORLD_SIZE", 0))
    return max(1, loky.cpu_count(only_physical_cores=True) // ranks) if ranks else 1


class _Inline(Executor):
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future
