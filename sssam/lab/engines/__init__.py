"""Where a study's runs are trained: this process, processes, a Dask or Ray cluster, Slurm."""

from sssam.lab.engines.dask import Dask
from sssam.lab.engines.engine import Engine, WorkerLostError
from sssam.lab.engines.here import Here
from sssam.lab.engines.local import Local
from sssam.lab.engines.parse import ENGINES, parse
from sssam.lab.engines.ray import Ray
from sssam.lab.engines.slurm import Slurm

__all__ = [
    "ENGINES",
    "Dask",
    "Engine",
    "Here",
    "Local",
    "Ray",
    "Slurm",
    "WorkerLostError",
    "parse",
]
