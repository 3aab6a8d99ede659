"""The laboratory on each rank: `python -m tests.distributed.laboratory NAME OUT` by torchrun."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sssam.lab.cli import main
from sssam.lab.report import page as report
from sssam.lab.specs import DataSpec, Method, ModelSpec, Record, Run, Task
from sssam.lab.tasks import find
from sssam.lab.training.train import train
from sssam.schedules import linear

Result = dict[str, Any]
TASK = Task(
    name="tiny",
    data=DataSpec(name="digits", train=97, validation=32),
    model=ModelSpec(name="mlp", widths=(8,)),
    epochs=3,
    batch_size=33,
)

#: Rows with what each asks of the ranks: a part of the batch, samples of it, an earlier batch.
METHODS = (
    Method(label="base", kind="base"),
    Method(label="SAM", kind="sam", rho=0.1),
    Method(label="SS-SAM", kind="sssam", rho=0.1, schedule=linear(0.0, 1.0).to_dict()),
    Method(label="SAM 1/8 ascent", kind="sam", rho=0.1, options={"ascent_fraction": 1 / 8}),
    Method(label="LookSAM", kind="looksam", rho=0.1, options={"k": 2}),
    Method(label="AE-SAM", kind="aesam", rho=0.1),
    Method(label="ESAM", kind="esam", rho=0.1),
    Method(label="K-SAM", kind="ksam", rho=0.1),
    Method(label="SAMPa", kind="sampa", rho=0.1),
    Method(label="EMA", kind="sam", rho=0.1, average="ema", patience=2),
)
PER_RANK = Method(label="m-SAM", kind="sam", rho=0.1, options={"perturbation": "per_rank"})

#: Batches of 33, of which the last has 31, and of 32, of which the last has a single sample.
SIZES = (33, 32)


def run(method: Method, **changes: Any) -> Run:
    return Run(
        task=TASK.model_copy(update={"precision": "64-true", **changes}), method=method, seed=0
    )


def plain(record: Record) -> Result:
    """What does not depend on the machine and its ranks."""
    kept: Result = record.model_dump(mode="json")
    for name in ("seconds", "peak_memory", "environment"):
        kept.pop(name)
    return kept


def ddp() -> Result:
    """Every row in batches of both sizes; m-sharpness; batch norm."""
    records = {
        f"{method.label}, {size}": plain(train(run(method, batch_size=size)))
        for method in METHODS
        for size in SIZES
    }
    records["m-SAM"] = plain(train(run(PER_RANK)))
    task = find(str(_written(NORMED)))
    records["batch norm"] = plain(train(Run(task=task, method=METHODS[1], seed=0)))
    few = run(METHODS[0], batch_size=1)
    return {"records": records, "too few": _refused(lambda: train(few))}


def studies() -> Result:
    """What the commands do: twice the same comparison, a task that can't be made, a refusal."""
    words = ["--variants", "SAM", "--no-controls", "--epochs", "2", "--seeds", "2", "--quiet"]
    digits = ["compare", "noisy-digits", *words, "--out", str(_out() / "digits")]
    codes = {"first": main(digits), "again": main(digits)}
    codes["engine"] = main([*digits, "--engine", "local:2"])
    broken = str(_written(BROKEN))
    codes["broken"] = main(["compare", broken, *words, "--out", str(_out() / "broken")])
    return codes


def killed() -> Result:
    """`sssam train` of a task whose loss kills the second rank once, where no marker is there."""
    task, where = str(_written(DEADLY)), str(_out() / "results")
    words = ["train", task, "--epochs", "6", "--method", "sssam", "--out", where]
    code = main([*words, "--checkpoint", str(_out() / "run.pt"), "--quiet"])
    return {"code": code, "restarts": int(os.environ["TORCHELASTIC_RESTART_COUNT"])}


NORMED = """
import torch
from torch import nn
from sssam.lab import Problem

def task(seed):
    x = torch.randn(96, 5)
    y = (x[:, 0] > 0).long()
    layers = [nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 2)]
    parts = [(x[:64], y[:64]), (x[64:80], y[64:80]), (x[80:], y[80:])]
    return Problem(nn.Sequential(*layers), *parts)
"""

#: It can't be made with seed 1 on the second rank.
BROKEN = NORMED.replace(
    "def task(seed):",
    """def task(seed):
    import os
    if seed == 1 and os.environ.get("RANK") == "1":
        raise RuntimeError("no data on this rank")""",
)

#: Its loss kills the second rank in the middle of the third epoch, once.
DEADLY = (
    NORMED.replace("import torch\n", "import os, signal, torch\nfrom pathlib import Path\n", 1)
    .replace("*parts)", "*parts, loss=loss)")
    .replace(
        "def task",
        """CALLS = []

def loss(outputs, targets):
    CALLS.append(targets)
    marker = Path(os.environ["MARKER"])
    if os.environ.get("RANK") == "1" and len(CALLS) == 15 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return nn.functional.cross_entropy(outputs, targets, reduction="none")

def task""",
    )
)


def _written(source: str) -> Path:
    """A task file, the same on all ranks."""
    path = _out() / f"task{os.environ['RANK']}.py"
    path.write_text(source)
    return path


def _out() -> Path:
    return Path(sys.argv[2])


def _refused(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    report.write = lambda *_, **__: [""]  # pages take seconds to draw
    scenario = {"ddp": ddp, "studies": studies, "killed": killed}[sys.argv[1]]
    result = scenario()
    (_out() / f"rank{os.environ['RANK']}.json").write_text(json.dumps(result))
    sys.exit(result.get("code", 0))
