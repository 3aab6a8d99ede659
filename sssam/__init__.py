"""Sharpness-aware training at a cost that you choose."""

from sssam import methods, roles, schedules, sharpness
from sssam.files import load, save
from sssam.optimizers import (
    AESAM,
    ASAM,
    ESAM,
    GSAM,
    KSAM,
    MSAM,
    S2SAM,
    SAM,
    SAMON,
    SSSAM,
    USAM,
    WSAM,
    AsyncSAM,
    FriendlySAM,
    LookSAM,
    MicroSAM,
    RandomPerturbation,
    Relay,
    SAMPa,
    SharpnessAware,
    unwrap,
)
from sssam.preservation import preserve_buffers
from sssam.trials import Trial

__version__ = "0.1.0"

__all__ = [
    "AESAM",
    "ASAM",
    "ESAM",
    "GSAM",
    "KSAM",
    "MSAM",
    "S2SAM",
    "SAM",
    "SAMON",
    "SSSAM",
    "USAM",
    "WSAM",
    "AsyncSAM",
    "FriendlySAM",
    "LookSAM",
    "MicroSAM",
    "RandomPerturbation",
    "Relay",
    "SAMPa",
    "SharpnessAware",
    "Trial",
    "load",
    "methods",
    "preserve_buffers",
    "roles",
    "save",
    "schedules",
    "sharpness",
    "unwrap",
]
