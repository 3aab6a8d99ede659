"""Where runs are trained: this process, processes, a cluster, any executor."""

from sssam.lab.engines.engine import Engine, Here, Pool, WorkerLostError
from sssam.lab.engines.local import Local
from sssam.lab.engines.parse import ENGINES, chosen, load, parse
from sssam.lab.engines.slurm import Slurm

__all__ = [
    "ENGINES",
    "Engine",
    "Here",
    "Local",
    "Pool",
    "Slurm",
    "WorkerLostError",
    "chosen",
    "load",
    "parse",
]
