"""Sharpness-aware training at a cost that you choose."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sssam import methods, roles, schedules, sharpness
    from sssam.optimizers import (
        AESAM,
        ASAM,
        ESAM,
        GSAM,
        IRE,
        KSAM,
        MSAM,
        S2SAM,
        SALA,
        SAM,
        SAMON,
        SSSAM,
        USAM,
        WSAM,
        AsyncSAM,
        FlatLoRA,
        FriendlySAM,
        FunctionalSAM,
        LookSAM,
        MicroSAM,
        RandomPerturbation,
        Relay,
        SAMPa,
        SharpnessAware,
        ZSharp,
        recommended,
        unwrap,
    )
    from sssam.runtime.buffers import preserve_buffers
    from sssam.runtime.deadline import Deadline
    from sssam.runtime.files import load, save
    from sssam.schedules.draws import Draws

__version__ = "0.2.0"

__all__ = [
    "AESAM",
    "ASAM",
    "ESAM",
    "GSAM",
    "IRE",
    "KSAM",
    "MSAM",
    "S2SAM",
    "SALA",
    "SAM",
    "SAMON",
    "SSSAM",
    "USAM",
    "WSAM",
    "AsyncSAM",
    "Deadline",
    "Draws",
    "FlatLoRA",
    "FriendlySAM",
    "FunctionalSAM",
    "LookSAM",
    "MicroSAM",
    "RandomPerturbation",
    "Relay",
    "SAMPa",
    "SharpnessAware",
    "ZSharp",
    "load",
    "methods",
    "preserve_buffers",
    "recommended",
    "roles",
    "save",
    "schedules",
    "sharpness",
    "unwrap",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """A name of `__all__`, imported at its first use: the command's help needs no torch."""
        if name not in __all__:
            raise AttributeError(f"module 'sssam' has no attribute {name!r}")
        if name in ("methods", "roles", "schedules", "sharpness"):
            return import_module(f"sssam.{name}")
        own = ("files", "buffers", "deadline")
        places = ["optimizers", "schedules.draws", *(f"runtime.{name}" for name in own)]
        modules = [import_module(f"sssam.{place}") for place in places]
        value = next(getattr(module, name) for module in modules if hasattr(module, name))
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
