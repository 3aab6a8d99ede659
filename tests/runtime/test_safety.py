"""Nothing that the library or the laboratory reads is executed."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sssam

FILES = sorted(Path(sssam.__file__).parent.rglob("*.py"))

#: What runs text or bytes as code, by the last names of the call.
RUNS = {"eval", "exec", "__import__", "system", "popen"}
UNPICKLES = {("pickle", "load"), ("pickle", "loads"), ("pickle", "Unpickler"), ("dill", "load")}
UNPICKLES |= {("joblib", "load"), ("shelve", "open"), ("marshal", "loads"), ("yaml", "load")}


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str, str]]:
    """Each call, with its name and that of what it is an attribute of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name):
                yield node, "", called.id
            elif isinstance(called, ast.Attribute):
                owner = called.value
                yield node, owner.id if isinstance(owner, ast.Name) else "an object", called.attr


def _keyword(call: ast.Call, name: str) -> object:
    given = {k.arg: k.value for k in call.keywords}
    value = given.get(name)
    return value.value if isinstance(value, ast.Constant) else value


def offences(source: str) -> list[str]:
    """What in a source text would run what it reads."""
    found = []
    for call, owner, name in _calls(ast.parse(source)):
        evaluates = name in RUNS and (owner in ("", "os", "builtins"))
        unsafe_load = (owner, name) == ("torch", "load") and _keyword(
            call, "weights_only"
        ) is not True
        arrays = owner in ("np", "numpy") and name == "load" and _keyword(call, "allow_pickle")
        if evaluates or unsafe_load or arrays or (owner, name) in UNPICKLES:
            found.append(f"line {call.lineno}: {owner}.{name}")
        if _keyword(call, "shell"):
            found.append(f"line {call.lineno}: shell=")
        if _keyword(call, "trust_remote_code"):
            found.append(f"line {call.lineno}: trust_remote_code=")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_no_file_runs_what_it_reads(path: Path) -> None:
    assert offences(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)",
        "exec(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "pickle.loads(data)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
        "os.system(text)",
        "load_dataset(name, trust_remote_code=True)",
    ],
)
def test_the_scan_sees_what_it_is_for(source: str) -> None:
    assert offences(source)
