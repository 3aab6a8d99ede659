"""Runs a scenario on several real processes under torchrun, and brings back what each rank saw."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def launch(
    scenario: str, out: Path, ranks: int = 2, of: str = "scenarios", **environment: str
) -> list[dict[str, Any]]:
    """What the ranks wrote, in their order, of `python -m tests.distributed.scenarios NAME`.

    Args:
        scenario: its name.
        out: where the ranks write.
        ranks: how many.
        of: the module of `tests.distributed` that has it.
        environment: variables for all ranks.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts=1"]
    command += [
        f"--nproc-per-node={ranks}",
        "-m",
        f"tests.distributed.{of}",
        scenario,
        str(out),
    ]
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{scenario} failed:\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}")
    return [json.loads((out / f"rank{rank}.json").read_text()) for rank in range(ranks)]
