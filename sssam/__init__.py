"""Sharpness-aware training at a cost that you choose."""

from sssam import methods, roles, schedules, sharpness
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
from sssam.runtime.buffers import preserve_buffers
from sssam.runtime.files import load, save
from sssam.schedules.draws import Draws

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
    "Draws",
    "FriendlySAM",
    "LookSAM",
    "MicroSAM",
    "RandomPerturbation",
    "Relay",
    "SAMPa",
    "SharpnessAware",
    "load",
    "methods",
    "preserve_buffers",
    "roles",
    "save",
    "schedules",
    "sharpness",
    "unwrap",
]
