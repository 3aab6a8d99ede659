"""The tutorials run as scripts, in seconds, and each ends in a picture that can be drawn."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "tutorials"
NEEDS = {
    "images": ["sklearn", "altair"],
    "text": ["transformers", "accelerate", "altair"],
    "study": ["altair"],
}
#: Runs a tutorial as a script, and draws what its last cell shows.
DRAWN = """
import runpy, sys
from sssam.lab.report.files import svg
assert svg(runpy.run_path(sys.argv[1])["picture"]).count("aria-label") >= 5
"""


@pytest.mark.parametrize("name", NEEDS)
def test_a_tutorial_runs_and_its_picture_is_drawn(name: str) -> None:
    for needed in NEEDS[name]:
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", DRAWN, str(FOLDER / f"{name}.py")],
        env={**os.environ, "SSSAM_SHORT": "1"},
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 5


def test_every_tutorial_is_run_and_ends_in_its_picture() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(NEEDS)
    for name in NEEDS:
        cells = (FOLDER / f"{name}.py").read_text().split("# %%")
        shown = [cell for cell in cells if not cell.startswith(" [markdown]")]
        assert shown[-1].rstrip().endswith("\npicture")
