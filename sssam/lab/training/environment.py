"""Where and with what a record was made."""

import platform
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import torch

from sssam.lab.specs import Environment

_PACKAGES = ("sssam", "torch", "lightning-fabric", "numpy", "scikit-learn", "datasets")


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
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


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
