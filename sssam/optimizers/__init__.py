"""The algorithms, one file each, every one a short composition of roles."""

from sssam.optimizers.aesam import AESAM
from sssam.optimizers.asyncsam import AsyncSAM
from sssam.optimizers.esam import ESAM
from sssam.optimizers.flat_lora import FlatLoRA
from sssam.optimizers.fsam import FriendlySAM
from sssam.optimizers.functional import FunctionalSAM
from sssam.optimizers.gsam import GSAM
from sssam.optimizers.ire import IRE
from sssam.optimizers.ksam import KSAM
from sssam.optimizers.looksam import LookSAM
from sssam.optimizers.microsam import MicroSAM
from sssam.optimizers.msam import MSAM
from sssam.optimizers.random_perturbation import RandomPerturbation
from sssam.optimizers.recommended import recommended
from sssam.optimizers.relay import Relay
from sssam.optimizers.s2sam import S2SAM
from sssam.optimizers.sala import SALA
from sssam.optimizers.sam import ASAM, SAM
from sssam.optimizers.samon import SAMON
from sssam.optimizers.sampa import SAMPa
from sssam.optimizers.sssam import SSSAM
from sssam.optimizers.usam import USAM
from sssam.optimizers.wsam import WSAM
from sssam.optimizers.zsharp import ZSharp
from sssam.runtime.optimizer import SharpnessAware, unwrap

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
    "recommended",
    "unwrap",
]
