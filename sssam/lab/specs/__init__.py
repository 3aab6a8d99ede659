"""What is run and what came of it, as immutable typed values that refuse unknown keys.

The order of the types is the order of the data: a `Task` and a `Method` make, with a seed,
a `Run`; running it gives a `Record`; a comparison reads records alone.
"""

from sssam.lab.specs.base import Name, Spec, Whole
from sssam.lab.specs.record import Environment, Point, Record, Score, Tuning
from sssam.lab.specs.run import (
    BASE,
    KIND_REVISIONS,
    REVISION,
    Average,
    Code,
    DataSpec,
    Method,
    ModelSpec,
    Precision,
    Run,
    Task,
)
from sssam.lab.specs.timing import Timing

__all__ = [
    "BASE",
    "KIND_REVISIONS",
    "REVISION",
    "Average",
    "Code",
    "DataSpec",
    "Environment",
    "Method",
    "ModelSpec",
    "Name",
    "Point",
    "Precision",
    "Record",
    "Run",
    "Score",
    "Spec",
    "Task",
    "Timing",
    "Tuning",
    "Whole",
]
