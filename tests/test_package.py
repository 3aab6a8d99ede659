"""Files are short, the wheel and the source distribution build, the library needs torch alone."""

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
USE = """
import sys, torch, sssam
model = torch.nn.Linear(4, 2)
base = torch.optim.SGD(model.parameters(), lr=0.1)
schedule = sssam.schedules.linear(0, 1)
optimizer = sssam.SSSAM(base, schedule=schedule, total_steps=9, model=model)
for _ in range(9):
    for p in optimizer.passes((torch.randn(8, 4),)):
        p.backward(model(p.x).square().mean())
    optimizer.step()
print(optimizer.steps)
"""


#: Lines of a file; what needs more is two things.
LONGEST = 300


@pytest.mark.parametrize("folder", ["sssam", "tests"])
def test_no_file_is_longer_than_the_limit(folder: str) -> None:
    lines = {path: len(path.read_text().splitlines()) for path in (ROOT / folder).rglob("*.py")}
    assert len(lines) > 100
    assert not {str(path): n for path, n in lines.items() if n > LONGEST}


@pytest.mark.slow
def test_the_library_installs_from_its_wheel_with_torch_alone(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--quiet", "--outdir", tmp_path, ROOT], check=True
    )
    (wheel,), (source,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"sssam/py.typed", "sssam/lab/report/report.html"} <= {*names}
    assert not [name for name in names if name.startswith(("tests", "benchmarks"))]
    with tarfile.open(source) as archive:
        folders = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    assert {"LICENSE", "CHANGELOG.md", "CITATION.cff", "sssam"} <= folders
    assert not {"tests", "benchmarks", "studies", "docs", "examples"} & folders
    assert max(wheel.stat().st_size, source.stat().st_size) < 1_000_000
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    pins = ["-c", str(ROOT / "constraints.txt")]
    subprocess.run([python, "-m", "pip", "install", "-qq", *pins, wheel], check=True)
    done = subprocess.run(
        [python, "-c", USE], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "9"
