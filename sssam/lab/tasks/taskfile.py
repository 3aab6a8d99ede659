"""A task in a Python file of one's own: found, hashed, run, and its mistakes reported in full."""

import hashlib
import importlib.util
import inspect
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from sssam.lab.specs import Code
from sssam.lab.specs.invalid import nearest
from sssam.lab.specs.seeds import derived
from sssam.lab.tasks.examples import ProblemError
from sssam.lab.tasks.problem import Problem

#: The function that is called where none is named: `my_task.py` is `my_task.py:task`.
DEFAULT_FUNCTION = "task"


def code(word: str) -> Code:
    """Where the task of `my_task.py` or `my_task.py:function` lies, and the hash of its source.

    Nothing is executed.

    Raises:
        FileNotFoundError: no such file.
    """
    path, _, function = word.partition(".py:")
    file = Path(f"{path}.py" if function else word)
    if not file.is_file():
        raise FileNotFoundError(f"task file {str(file)!r} does not exist: give the path of a .py")
    file = file.resolve()
    return Code(path=str(file), function=function or DEFAULT_FUNCTION, sha256=_hash(file))


def settings(source: Code) -> dict[str, Any]:
    """The file's `SETTINGS`, fields of a `Task` by name; empty where it has none.

    Raises:
        ProblemError: the file raises while it is imported, or `SETTINGS` is no dict.
    """
    given = getattr(_module(source), "SETTINGS", {})
    if not isinstance(given, dict):
        raise ProblemError(f"SETTINGS in {source.path} is {given!r}, must be a dict")
    return given


def problem(source: Code, seed: int) -> Problem:
    """What the function returns for a seed; whatever it raises goes on as it is.

    Torch's, NumPy's and Python's generators are seeded for it, and stand afterwards as before.

    Raises:
        ProblemError: the file changed since it was hashed, has no such function, or the function
            returns no `Problem`.
        FileNotFoundError: the file is gone.
    """
    function = _function(source)
    with _seeded(seed), _importing_beside(Path(source.path)):
        made = function(seed)
    if not isinstance(made, Problem):
        raise ProblemError(
            f"{source.function}() in {source.path} returned a {type(made).__name__}, must return a "
            "sssam.lab.Problem(model=..., train=..., validation=..., test=...)"
        )
    return made


@contextmanager
def reporting(source: Code, when: str) -> Iterator[None]:
    """Reports what a user's code raises inside, with the traceback from their file on.

    Raises:
        ProblemError: in place of whatever is raised.
    """
    try:
        yield
    except ProblemError:
        raise
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        frames = traceback.extract_tb(error.__traceback__)
        theirs = [i for i, frame in enumerate(frames) if frame.filename == source.path]
        lines = traceback.format_list(frames[theirs[0] :] if theirs else [])
        text = "".join([*lines, *traceback.format_exception_only(error)]).rstrip()
        raise ProblemError(f"{source.path} raised while {when}:\n{text}") from error


def _function(source: Code) -> Callable[[int], object]:
    module = _module(source)
    function = getattr(module, source.function, None)
    if not callable(function):
        own = [f for f in vars(module).values() if inspect.isfunction(f)]
        known = [f.__name__ for f in own if f.__module__ == module.__name__]  # none imported
        raise ProblemError(nearest(f"function of {source.path}", source.function, known))
    return function  # type: ignore[no-any-return]


def _module(source: Code) -> ModuleType:
    """The file as a module, imported once a process and content."""
    path = Path(source.path)
    if not path.is_file():
        raise FileNotFoundError(f"task file {source.path!r} is gone: put it back, or start anew")
    if (now := _hash(path)) != source.sha256:
        raise ProblemError(
            f"{source.path} changed since this run was planned (SHA-256 {now[:8]}, then "
            f"{source.sha256[:8]}): changed code is another run; give the same command again, or "
            "put the file back"
        )
    name = f"sssam_task_{hashlib.sha256((source.path + source.sha256).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    specification = importlib.util.spec_from_file_location(name, source.path)
    assert specification is not None  # a path that ends in .py has a loader
    assert specification.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(specification)
    try:
        with _importing_beside(path), reporting(source, "it was imported"):
            specification.loader.exec_module(module)
    except BaseException:  # Ctrl-C too leaves half a module
        del sys.modules[name]
        raise
    return module


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _importing_beside(path: Path) -> Iterator[None]:
    """The file's folder is where it imports from first, as when Python runs it."""
    sys.path.insert(0, str(path.parent))
    try:
        yield
    finally:
        sys.path.remove(str(path.parent))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The global generators seeded, then as they were."""
    key = derived("weights", seed)
    kept = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(key)
        random.seed(key)
        np.random.seed(key % 2**32)
        try:
            yield
        finally:
            random.setstate(kept[0])
            np.random.set_state(kept[1])
