"""The algorithms, one file each, every one a short composition of roles."""

from sssam.optimizers.base import SharpnessAware, unwrap
from sssam.optimizers.looksam import LookSAM
from sssam.optimizers.msam import MSAM
from sssam.optimizers.sam import ASAM, SAM
from sssam.optimizers.sssam import SSSAM

__all__ = ["ASAM", "MSAM", "SAM", "SSSAM", "LookSAM", "SharpnessAware", "unwrap"]
