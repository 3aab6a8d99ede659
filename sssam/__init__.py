"""Sharpness-aware training at a cost that you choose."""

from sssam import methods, roles, schedules
from sssam.optimizers import ASAM, MSAM, SAM, SSSAM, LookSAM, SharpnessAware, unwrap
from sssam.preservation import preserve_buffers
from sssam.trials import Trial

__version__ = "0.1.0"

__all__ = [
    "ASAM",
    "MSAM",
    "SAM",
    "SSSAM",
    "LookSAM",
    "SharpnessAware",
    "Trial",
    "methods",
    "preserve_buffers",
    "roles",
    "schedules",
    "unwrap",
]
