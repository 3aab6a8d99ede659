"""What a run is trained on: one device, or one on each of the ranks that torchrun started."""

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.loggers.logger import Logger
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.plugins.precision import MixedPrecision

from sssam.lab.specs import Precision

T = TypeVar("T")


class DeviceError(ValueError):
    """The accelerator that was asked for is not on this machine: no fault of any run."""


class LostRankError(ConnectionError):
    """Another rank ended or hung while this one waited for it: no fault of the run."""


class FailedTogetherError(RuntimeError):
    """What was made on every rank failed on one: all give it up, and can go on with something."""


def by_torchrun() -> bool:
    """Whether torchrun started this process."""
    return TorchElasticEnvironment.detect()


def world() -> int:
    """How many ranks torchrun started, on all machines; 1 without it."""
    return int(os.environ["WORLD_SIZE"]) if by_torchrun() else 1


def require(accelerator: str) -> None:
    """Refuses an accelerator that this machine does not have.

    Raises:
        DeviceError: "cuda" or "mps" without such a device.
    """
    lacks_cuda = accelerator == "cuda" and not torch.cuda.is_available()
    if lacks_cuda or (accelerator == "mps" and not torch.backends.mps.is_available()):
        raise DeviceError(
            f"accelerator is {accelerator!r}, but torch finds no such device on this machine: "
            "give 'cpu' or 'auto', or install a torch that is built for the device"
        )


def fabric(accelerator: str, precision: Precision, loggers: Sequence[Logger] = ()) -> Fabric:
    """Fabric, launched, on one device; `accelerator` is "cpu", "cuda", "mps" or "auto".

    Under torchrun it is on one for each rank, and has joined the others, which must call this too.

    Raises:
        ValueError: another launcher's processes.
    """
    ranks = int(os.environ["LOCAL_WORLD_SIZE"]) if by_torchrun() else 1
    on_cpu = accelerator == "cpu" or (accelerator == "auto" and not _has_gpu())
    how: dict[str, Any] = {"precision": precision}
    if precision == "16-mixed" and on_cpu:  # by its name Fabric takes bfloat16 in its place
        how = {"plugins": [MixedPrecision("16-mixed", "cpu")]}
    with warnings.catch_warnings():  # on a login node of Slurm's, where runs are no srun's to start
        warnings.filterwarnings("ignore", "The `srun` command is available")
        made = Fabric(
            accelerator=accelerator,
            devices=ranks,
            num_nodes=world() // ranks,
            loggers=list(loggers),
            **how,
        )
    if not by_torchrun() and made.world_size != 1:
        raise ValueError(
            f"this process is one of {made.world_size}, but not torchrun's: to train a run on "
            "several devices, start `torchrun --nproc-per-node N -m sssam ...`"
        )
    made.launch()
    return made


def _has_gpu() -> bool:
    return torch.cuda.is_available() or torch.backends.mps.is_available()


def together(fabric: Fabric, make: Callable[[], T]) -> T:
    """What `make` gives; where it raises on any rank, all ranks raise, and stay in step.

    Raises:
        FailedTogetherError: it raised on one of several ranks.
        Exception: what it raised, on a process alone.
    """
    failure: Exception | None = None
    try:
        made = make()
    except Exception as error:
        failure = error
    if fabric.world_size > 1:
        failed = torch.tensor(float(failure is not None), device=fabric.device)
        if fabric.all_reduce(failed, reduce_op="sum"):
            what = "another rank failed" if failure is None else f"{failure}"
            raise FailedTogetherError(f"the run could not be prepared: {what}") from failure
    if failure is not None:
        raise failure
    return made


def lost_rank(error: BaseException) -> bool:
    """Whether an error comes from the talk between ranks; gloo's are plain RuntimeErrors."""
    if isinstance(error, dist.DistError):
        return True
    words = ("/gloo/", "NCCL", "ProcessGroup")
    return type(error) is RuntimeError and any(word in str(error) for word in words)
