"""The device that a run is trained on, by Lightning Fabric, and the machine as it is recorded."""

import os
import platform
import re
import subprocess
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import torch

from sssam.lab.specs import Environment, Precision

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_PACKAGES = ("sssam", "torch", "lightning-fabric", "numpy", "scikit-learn", "datasets")


class DeviceError(ValueError):
    """No run can be trained in this process on the device that was asked for."""


def require(accelerator: str) -> None:
    """Refuses an accelerator that this machine does not have, and one process of several.

    Raises:
        DeviceError: "cuda" or "mps" without such a device; a process that torchrun started.
    """
    lacks_cuda = accelerator == "cuda" and not torch.cuda.is_available()
    if lacks_cuda or (accelerator == "mps" and not torch.backends.mps.is_available()):
        raise DeviceError(
            f"accelerator is {accelerator!r}, but torch finds no such device on this machine: "
            "give 'cpu' or 'auto', or install a torch that is built for the device"
        )
    if (world := int(os.environ.get("WORLD_SIZE", 1))) > 1:
        raise DeviceError(
            f"this process is one of {world}, but the laboratory trains a run in one: start it "
            "without torchrun; a model that needs several devices belongs in your own training loop"
        )


def fabric(accelerator: str, precision: Precision) -> "Fabric":
    """Fabric, launched, on one device; `accelerator` is "cpu", "cuda", "mps" or "auto"."""
    from lightning_fabric import Fabric  # takes seconds, which only training is to cost
    from lightning_fabric.plugins.precision import MixedPrecision

    device = accelerator
    if accelerator == "auto":
        mps = "mps" if torch.backends.mps.is_available() else "cpu"
        device = "cuda" if torch.cuda.is_available() else mps
    how: dict[str, Any] = {"precision": precision}
    if precision in ("16-mixed", "bf16-mixed"):  # by name Fabric prints a line a run, and takes
        how = {"plugins": [MixedPrecision(precision, device)]}  # bfloat16 for a CPU's float16
    with warnings.catch_warnings():  # on a login node of Slurm's, where runs are no srun's to start
        warnings.filterwarnings("ignore", "The `srun` command is available")
        made = Fabric(accelerator=device, devices=1, **how)
    made.launch()
    return made


def describe(device: torch.device, precision: str) -> Environment:
    """The machine, the versions and the commit of this moment; `device` as a run used it."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    return Environment(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=_processor(),
        cores=psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
        threads=torch.get_num_threads(),
        device=f"{name}, {precision}",
        platform=platform.platform(),
        versions=_versions(),
        commit=_commit(),
    )


@cache
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):  # used from a source tree that is not installed
            versions[package] = version(package)
    return versions


@cache
def _processor() -> str:
    """The processor's name; Linux has it in one place alone."""
    listing = Path("/proc/cpuinfo")
    name = re.search(r"model name\s*:\s*(.+)", listing.read_text()) if listing.exists() else None
    return name[1].strip() if name else platform.processor() or platform.machine()


@cache
def _commit() -> str | None:
    """The commit of the source tree, if this is one: an installed copy has none."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    try:
        asked = ["git", "-C", str(root), "rev-parse", "--verify", "--short=12", "HEAD"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip() or None
