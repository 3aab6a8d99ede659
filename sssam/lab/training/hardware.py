"""The device that a run is trained on, by Lightning Fabric, in one process."""

import os
import warnings
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision

from sssam.lab.specs import Precision


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


def fabric(accelerator: str, precision: Precision) -> Fabric:
    """Fabric, launched, on one device; `accelerator` is "cpu", "cuda", "mps" or "auto"."""
    device = _found() if accelerator == "auto" else accelerator
    how: dict[str, Any] = {"precision": precision}
    if precision in ("16-mixed", "bf16-mixed"):  # by name Fabric prints a line a run, and takes
        how = {"plugins": [MixedPrecision(precision, device)]}  # bfloat16 for a CPU's float16
    with warnings.catch_warnings():  # on a login node of Slurm's, where runs are no srun's to start
        warnings.filterwarnings("ignore", "The `srun` command is available")
        made = Fabric(accelerator=device, devices=1, **how)
    made.launch()
    return made


def _found() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
