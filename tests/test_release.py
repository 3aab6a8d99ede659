"""What a release is made of: one version in all files, the two distributions, the workflows."""

import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import pytest

import sssam

ROOT = Path(__file__).parents[1]
problems = runpy.run_path(str(ROOT / ".github" / "check_release.py"))["problems"]
NAMES = ("sssam/__init__.py", "CITATION.cff", "recipe/recipe.yaml", "CHANGELOG.md")


def test_only_the_date_is_missing_for_a_release() -> None:
    found = problems(sssam.__version__)
    assert [each for each in found if "has no date" not in each] == []


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files that have the version, as they are for a release."""
    for name in (*NAMES, "pyproject.toml"):
        text = (ROOT / name).read_text()
        text = re.sub(r"^(## \S+ )\(.*\)$", r"\1(2026-12-01)", text, count=1, flags=re.MULTILINE)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_tree_of_one_version_and_a_date_is_a_release(tree: Path) -> None:
    assert problems(sssam.__version__, tree) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_another_version_is_named(tree: Path, name: str) -> None:
    text = (tree / name).read_text()
    (tree / name).write_text(text.replace(sssam.__version__, "0.9.9", 1))
    (found,) = problems(sssam.__version__, tree)
    assert found == f"{name} is of 0.9.9, not of {sssam.__version__}"


def test_what_workflows_make_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    steps = [
        target
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
        for target in re.findall(r"make ([\w-]+)", path.read_text())
    ]
    assert {"test", "test-lowest", "package"} <= set(steps) <= targets


def test_make_help_names_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    text = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert set(re.findall(r"^  make ([\w-]+)  ", done.stdout, re.MULTILINE)) == set(phony.split())


def test_the_recipe_asks_for_what_the_library_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    recipe = (ROOT / "recipe" / "recipe.yaml").read_text()
    (torch,) = project["dependencies"]
    assert torch.replace("torch", "- pytorch ") in recipe
    assert recipe.count(f"- python {project['requires-python']}") == 2
    (setuptools,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert setuptools.replace(">", " >", 1) in recipe
    assert f'summary: "{project["description"]}"' in recipe
    assert f"license: {project['license']}" in recipe
    for command, function in project["scripts"].items():
        assert f"- {command} = {function}" in recipe


def test_every_extra_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = sum(project["optional-dependencies"].values(), project["dependencies"])
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = dict(line.lower().replace("_", "-").split("==") for line in lines)
    for requirement in asked:
        name, least = requirement.lower().split(">=")
        assert _numbers(pinned[name]) >= _numbers(least), requirement


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def test_workflows_run_actions_of_a_stated_version_and_the_pythons_that_are_claimed() -> None:
    texts = [path.read_text() for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))]
    for action in re.findall(r"uses: (\S+)", "".join(texts)):
        assert action.startswith("./") or re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v1)", action)
    (tested,) = re.findall(r"python: \[(.*)\]", "".join(texts))
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    for claimed in re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers)):
        assert f'"{claimed}"' in tested
