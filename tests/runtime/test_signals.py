"""Real signals to real processes: a resumed training equals the one that nobody disturbed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALL = [
    (how, form)
    for how in ("flag", "at once", "interrupt")
    for form in ("closure", "two lines", "passes")
]
QUICK = [("flag", "passes"), ("interrupt", "two lines")]


def _harry(how: str, form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.runtime.signalled", how, form],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each life is a forked process")
@pytest.mark.parametrize(("how", "form"), QUICK)
def test_a_training_that_is_signalled_again_and_again_equals_the_calm_one(
    how: str, form: str
) -> None:
    """SIGTERM, whose handler sets a flag or saves at once; or SIGINT, and a save on the way out."""
    _harry(how, form)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="each life is a forked process")
@pytest.mark.parametrize(("how", "form"), sorted({*ALL} - {*QUICK}))
def test_every_kind_of_signal_in_every_form(how: str, form: str) -> None:
    _harry(how, form)
