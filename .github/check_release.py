"""`python .github/check_release.py 0.2.0`: exit code 1 unless all files are of that release."""

import re
import sys
import tomllib
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def problems(version: str, root: Path = ROOT) -> list[str]:
    """What keeps the files of a source tree from being those of a release of this version."""
    found = []
    for name, pattern in {
        "sssam/__init__.py": r'^__version__ = "(.*)"$',
        "CITATION.cff": r"^version: (.*)$",
        "recipe/recipe.yaml": r"^  version: (.*)$",
        "CHANGELOG.md": r"^## (\S+) \(",
    }.items():
        match = re.search(pattern, (root / name).read_text(encoding="utf-8"), re.MULTILINE)
        if match is None or match[1] != version:
            found.append(f"{name} is of {match and match[1]}, not of {version}")
    heading = re.search(r"^## \S+ \((.*)\)$", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    try:
        date.fromisoformat(heading[1] if heading else "")
    except ValueError:
        found.append("the newest section of CHANGELOG.md has no date: write it there")
    if tomllib.loads((root / "pyproject.toml").read_text())["project"].get("version"):
        found.append("pyproject.toml has a version of its own: sssam/__init__.py has it")
    return found


if __name__ == "__main__":
    wrong = problems(*sys.argv[1:])
    print("\n".join(wrong) or f"all files are of {sys.argv[1]}")
    sys.exit(bool(wrong))
