"""Processes that begin with all imported: forked from one process that imported it once."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from multiprocessing.process import BaseProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")


def preload(*modules: str) -> None:
    """What the processes of a test module have imported."""
    _CONTEXT.set_forkserver_preload(["forked", *modules])


def process(target: Callable[..., object], *arguments: object) -> BaseProcess:
    """A process that is begun; who begins it kills it at the end."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # as its parent begins
    try:
        made = _CONTEXT.Process(target=target, args=arguments)
        made.start()
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)
    return made


@contextmanager
def command(folder: Path, *words: str, **environment: str) -> Iterator[BaseProcess]:
    """`sssam` in a folder, with its standard error in the file `said` there."""
    made = process(_command, folder, words, environment)
    try:
        yield made
    finally:
        made.kill()
        made.join()


def _command(folder: Path, words: tuple[str, ...], environment: dict[str, str]) -> None:
    from sssam.lab.cli import main

    os.chdir(folder)
    os.environ.update(environment)
    with Path("said").open("w", buffering=1) as said, redirect_stderr(said):
        code = main(words)
    sys.exit(code)
