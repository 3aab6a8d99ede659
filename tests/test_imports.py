"""Imports go one way, and the library needs torch alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sssam

ROOT = Path(sssam.__file__).parent

#: Each module may import from those named before it; the tests hold the order of the data.
LAYERS = [
    ["core"],
    ["schedules"],
    ["roles"],
    ["methods"],
    ["runtime"],
    ["optimizers", "sharpness"],
    ["lab", "integrations"],
    ["__main__"],
]

#: The same within the laboratory; its own table of contents comes after the tasks.
LAB_LAYERS = [
    ["specs", "stats"],
    ["engines"],
    ["tasks"],
    ["training"],
    ["runs"],
    ["comparison"],
    ["report"],
    ["studies"],
    ["cli"],
]

#: An integration may import its own trainer, and nothing else of third parties.
TRAINERS = {
    "lightning.py": {"lightning"},
    "transformers.py": {"transformers"},
    "skorch.py": {"skorch"},
}
#: What one file imports within a function, with an error that names the extra that brings it.
LAZY = {"sharpness/lanczos.py": {"scipy"}}
RANK = {name: i for i, layer in enumerate(LAYERS) for name in layer}


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _unit(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


FILES = [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    mine = _unit(path)
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] != "sssam" or len(parts) < 2 or parts[1] not in RANK:
            continue
        assert RANK[parts[1]] < RANK[mine] or parts[1] == mine, f"{mine} imports {name}"


LAB = ROOT / "lab"
LAB_FILES = [path for path in sorted(LAB.rglob("*.py")) if path != LAB / "__init__.py"]
LAB_RANK = {name: i for i, layer in enumerate(LAB_LAYERS) for name in layer}


def _part(path: Path) -> str:
    return path.relative_to(LAB).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", LAB_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_within_the_laboratory_go_one_way(path: Path) -> None:
    mine = _part(path)
    for name in _imports(path):
        parts = name.split(".")
        if parts[:2] != ["sssam", "lab"] or len(parts) < 3 or parts[2] == mine:
            continue
        if parts[2] in LAB_RANK:  # else it is a name of the package itself
            assert LAB_RANK[parts[2]] < LAB_RANK[mine], f"{mine} imports {name}"


def test_each_part_of_the_laboratory_has_its_layer() -> None:
    parts = {
        path.relative_to(ROOT / "lab").parts[0].removesuffix(".py")
        for path in FILES
        if _unit(path) == "lab"
    }
    assert parts - {"__init__"} == set(LAB_RANK)


@pytest.mark.parametrize("path", [p for p in FILES if _unit(p) != "lab"], ids=lambda p: p.name)
def test_the_library_imports_torch_and_the_standard_library_alone(path: Path) -> None:
    roots = {name.split(".")[0] for name in _imports(path)}
    trainer = TRAINERS.get(path.name, set()) if _unit(path) == "integrations" else set()
    lazy = LAZY.get(path.relative_to(ROOT).as_posix(), set())
    assert roots <= {"sssam", "torch", *sys.stdlib_module_names} | trainer | lazy


def test_importing_the_library_loads_nothing_of_the_laboratory() -> None:
    code = (
        "import sys, sssam; loaded = {n.split('.')[0] for n in sys.modules};"
        "extra = loaded & {'pydantic', 'scipy', 'sklearn', 'altair', 'lightning_fabric', 'rich',"
        "'lightning', 'transformers', 'accelerate', 'skorch'};"
        "assert not extra and 'sssam.lab' not in sys.modules, extra"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_every_name_of_the_library_loads_torch_alone() -> None:
    """What torch loads for itself apart, all names of `sssam` bring only its own modules."""
    code = (
        "import sys, torch; before = {n.split('.')[0] for n in sys.modules}\n"
        "import sssam; [getattr(sssam, name) for name in sssam.__all__]\n"
        "new = {n.split('.')[0] for n in sys.modules} - before - set(sys.stdlib_module_names)\n"
        "assert new == {'sssam'}, new\n"
        "assert not {'sssam.lab', 'sssam.integrations'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_importing_the_optimizers_does_not_load_torch_s_compiler() -> None:
    """As torch does when the first optimizer is built, for a second."""
    code = "import sys, sssam; [getattr(sssam, n) for n in sssam.__all__]; "
    code += "assert 'torch._dynamo' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_table_of_contents_is_whole() -> None:
    for name in sssam.__all__:
        assert getattr(sssam, name).__doc__, name
