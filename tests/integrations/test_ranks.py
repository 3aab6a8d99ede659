"""Lightning and Trainer on two ranks of half the batch end where one process ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


def _run(out: Path, share: int, *launcher: str) -> None:
    done = subprocess.run(
        [sys.executable, *launcher, "-m", "tests.integrations.ranks", str(out), str(share)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def test_two_ranks_with_half_the_batch_end_as_one_process(tmp_path: Path) -> None:
    """Accumulated, clipped, with a mix; all ranks decide alike and hold the same bits."""
    for needed in ("lightning", "transformers", "accelerate"):
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    _run(tmp_path, 8)
    _run(tmp_path, 4, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    alone = torch.load(tmp_path / "rank0of1.pt")
    ranks = [torch.load(tmp_path / f"rank{rank}of2.pt") for rank in range(2)]
    torch.testing.assert_close(ranks[0], alone, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(ranks[0], ranks[1], rtol=0, atol=0)
