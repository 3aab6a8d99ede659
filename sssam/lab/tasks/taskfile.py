"""A task in a Python file of one's own: found, hashed, run, and its mistakes reported in full."""

import ast
import hashlib
import importlib.util
import inspect
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from sssam.lab.specs import Code
from sssam.lab.specs.seeds import derived
from sssam.lab.tasks.examples import ProblemError
from sssam.lab.tasks.problem import Problem

#: The function that is called where none is named: `my_task.py` is `my_task.py:task`.
DEFAULT_FUNCTION = "task"


def split(word: str) -> tuple[Path, str]:
    """The file and the function of `my_task.py` or `my_task.py:function`.

    >>> split("tasks/my_task.py:small")[1]
    'small'
    """
    path, _, function = word.partition(".py:")
    return (Path(f"{path}.py"), function) if function else (Path(word), DEFAULT_FUNCTION)


def code(word: str) -> Code:
    """Where the task lies, and the hash of its source; nothing is executed.

    Raises:
        FileNotFoundError: no such file, or no such file that it depends on.
        ProblemError: it is no Python, or its `DEPENDS` is no list of names.
    """
    path, function = split(word)
    if not path.is_file():
        raise FileNotFoundError(f"task file {str(path)!r} does not exist: give the path of a .py")
    path = path.resolve()
    return Code(path=str(path), function=function, sha256=_hash(path))


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
        lines = traceback.format_list(frames[theirs[0] :] if theirs else frames)
        text = "".join([*lines, *traceback.format_exception_only(error)]).rstrip()
        raise ProblemError(f"{source.path} raised while {when}:\n{text}") from error


def _function(source: Code) -> Callable[[int], object]:
    module = _module(source)
    function = getattr(module, source.function, None)
    if not callable(function):
        functions = {n: f for n, f in vars(module).items() if inspect.isfunction(f)}
        own = {n for n, f in functions.items() if f.__globals__ is vars(module)}  # not imported
        known = [n for n in functions if n in own and n[0] != "_"]
        raise ProblemError(
            f"{source.path} has no function {source.function!r}, only "
            f"{', '.join(known) or 'none at all'}: name one after a colon, as in my_task.py:small"
        )
    try:
        inspect.signature(function).bind(0)
    except TypeError as error:
        raise ProblemError(
            f"{source.function}() in {source.path} can't be called with a seed ({error}): write it "
            f"as `def {source.function}(seed: int) -> Problem:`"
        ) from error
    return function  # type: ignore[no-any-return]


def _module(source: Code) -> ModuleType:
    """The file as a module, imported once a process and content."""
    path = Path(source.path)
    if not path.is_file():
        raise FileNotFoundError(f"task file {source.path!r} is gone: put it back, or start anew")
    if (now := _hash(path)) != source.sha256:
        raise ProblemError(
            f"{source.path}, or a file that it depends on, changed since this run was planned "
            f"(SHA-256 {now[:8]}, then {source.sha256[:8]}): changed code is another run; give the "
            "same command again, or put the file back"
        )
    name = f"sssam_task_{hashlib.sha256((source.path + source.sha256).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    depends = set(map(str, _files(path)[1:]))
    for each, module in list(sys.modules.items()):  # imported anew with it
        if getattr(module, "__file__", None) in depends:
            del sys.modules[each]
    return _imported(source, name)


def _imported(source: Code, name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, source.path)
    assert specification is not None  # a path that ends in .py has a loader
    assert specification.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(specification)
    try:
        with _importing_beside(Path(source.path)), reporting(source, "it was imported"):
            specification.loader.exec_module(module)
    except BaseException:  # Ctrl-C too leaves half a module
        del sys.modules[name]
        raise
    return module


def _hash(path: Path) -> str:
    """The SHA-256 of the source, and of the files that its `DEPENDS` names."""
    digest = hashlib.sha256()
    for each in _files(path):
        digest.update(each.read_bytes())
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    """The task's own file, and those beside it that `DEPENDS = [...]` names."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        raise ProblemError(f"{path}, line {error.lineno}, is no Python: {error.msg}") from error
    names: object = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DEPENDS":
            with suppress(ValueError):
                names = ast.unparse(node.value)
                names = ast.literal_eval(node.value)
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise ProblemError(f"DEPENDS in {path} is {names!r}, must be a list of file names")
    files = [path, *((path.parent / each).resolve() for each in names)]
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"{str(file)!r} does not exist, but DEPENDS in {path} names it")
    return files


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
