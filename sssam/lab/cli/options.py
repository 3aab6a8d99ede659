"""Options that several commands share, as types that load nothing: help is read without torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

Accelerator = Literal["cpu", "cuda", "mps", "auto"]

AT_LEAST_0 = Parameter(validator=validators.Number(gte=0))
AT_LEAST_1 = Parameter(validator=validators.Number(gte=1))
#: The most seeds that a number can stand for: more would be a slip of the finger.
SEEDS = Parameter(validator=validators.Number(gte=1, lte=10_000))
MANY = Parameter(negative="", consume_multiple=True, show_default=False)

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Toggle = Annotated[bool, Parameter(show_default=False)]
Whole = Annotated[int, AT_LEAST_1]
SeedCount = Annotated[int | None, SEEDS]
Variants = Annotated[tuple[str, ...], MANY]
OutFile = Annotated[Path | None, Parameter(validator=validators.Path(dir_okay=False))]
Out = Annotated[Path | None, Parameter(validator=validators.Path(file_okay=False))]
Plot = Annotated[
    Path | None,
    Parameter(validator=validators.Path(dir_okay=False, ext=("svg", "pdf", "png"))),
]
ExistingFile = Annotated[Path, Parameter(validator=validators.Path(dir_okay=False))]
Folder = Annotated[Path, Parameter(validator=validators.Path(file_okay=False))]


@Parameter(name="*")
@dataclass(frozen=True)
class TaskOptions:
    """Options of a task; a study says them in its file.

    Args:
        epochs: Length of the training of a task; default its own.
        data: Where the data of a task lie that does not bring its own; for a study file TASK=PATH,
            once for each such task.
    """

    epochs: Annotated[int | None, AT_LEAST_1] = None
    data: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = ()


@Parameter(name="*")
@dataclass(frozen=True)
class StudyOptions:
    """Options of a comparison.

    Args:
        variants: What is compared with the base on a task: labels such as SAM, kinds such as esam,
            kinds with settings such as looksam:k=5,rho=0.1, or default, or all. sssam methods
            lists the kinds.
        controls: Compare with the base at other lengths, with averages of its weights and with
            early stopping too; on by default.
        trials: How many settings of the base's recipe are tried on a task, and how many rho of each
            variant, on validation samples; 0 leaves both as they are; default 0, but for the demo.
        seeds: How many paired seeds, counted from 0; 10 or more tell something; default 12, or
            those of the study.
        flatness: Measure how flat the training loss is at the model that each run ends at, which
            takes seconds a run and more on large models; weights are kept beside the records.
        out: Directory of records and results; default sssam-results/NAME.
    """

    variants: Variants = ()
    controls: Toggle = True
    trials: Annotated[int | None, AT_LEAST_0] = None
    seeds: SeedCount = None
    flatness: Flag = False
    out: Out = None


@Parameter(name="*")
@dataclass(frozen=True)
class TrainingOptions:
    """Options of all commands that train, but for what is part of a run.

    Args:
        accelerator: Device to train on.
        quiet: No progress and no table, only the result.
    """

    accelerator: Accelerator = "cpu"
    quiet: Flag = False


@Parameter(name="*")
@dataclass(frozen=True)
class EngineOptions(TrainingOptions):
    """Options of all commands that train many runs.

    Args:
        engine: Where runs are trained: here, local:N, slurm:PARTITION or a Python file; default a
            process on this machine for each core, or what the study says.
        retry_failed: Train runs anew that failed; their records go to records/quarantine.
    """

    engine: str | None = None
    retry_failed: Flag = False
