"""Options that several commands share, as types that load nothing: help is read without torch."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

#: Those of `lab.specs.Precision`, `roles.strength.How` and `lab.report.cost.Axis` in `sssam`,
#: as a test makes sure.
Precision = Literal["32-true", "64-true", "bf16-mixed", "bf16-true", "16-mixed"]
Strength = Literal["fixed", "per-step", "total"]
Axis = Literal["passes", "seconds"]
Accelerator = Literal["cpu", "cuda", "mps", "auto"]

Flag = Annotated[bool, Parameter(negative="")]
Variants = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=True)]
Data = Annotated[tuple[str, ...], Parameter(name="--data", negative="")]


@Parameter(name="*")
@dataclass(frozen=True)
class How:
    """Options of all commands that train, but for what is part of a run.

    Args:
        accelerator: Device to train on.
        logger: Where each epoch's numbers are written besides: csv, tensorboard, mlflow or wandb,
            in the folder logs of --out.
    """

    accelerator: Accelerator = "cpu"
    logger: str | None = None


@Parameter(name="*")
@dataclass(frozen=True)
class HowStudies(How):
    """Options of all commands that train many runs.

    Args:
        engine: Where runs are trained: here, local:N, slurm:PARTITION or a Python file; default a
            process on this machine for each core, or what the study says.
        jobs: Processes on this machine, each with its share of the cores; in place of --engine.
        retry_failed: Train runs anew that failed; their records go to records/quarantine.
    """

    engine: str | None = None
    jobs: int | None = None
    retry_failed: Flag = False
