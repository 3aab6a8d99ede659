"""A run's curves in other tools while it trains: CSV, TensorBoard, MLflow, Weights & Biases."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lightning_fabric.loggers.csv_logs import CSVLogger
from lightning_fabric.loggers.logger import Logger
from lightning_fabric.loggers.tensorboard import TensorBoardLogger

from sssam.lab.specs import Run
from sssam.lab.specs.names import nearest, safe

#: The folder of a study's directory that logs lie in.
FOLDER = "logs"

#: The loggers by name, each with the libraries that it needs: the first two are Fabric's own, the
#: others those of the package `lightning`, which work with Fabric.
LOGGERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "csv": (),
        "tensorboard": ("tensorboardX",),
        "mlflow": ("lightning", "mlflow"),
        "wandb": ("lightning", "wandb"),
    }
)


def check(name: str | None) -> None:
    """Refuses a logger that is unknown, or whose library is not installed.

    Raises:
        ValueError: no such logger, with the nearest names.
        ModuleNotFoundError: the text says what to install.
    """
    if name is None:
        return
    if name not in LOGGERS:
        raise ValueError(nearest("logger", name, LOGGERS))
    for module in LOGGERS[name]:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"the logger {name!r} needs the library {module!r}, which is not installed: "
                f"pip install {' '.join(LOGGERS[name])}",
                name=error.name,
            ) from error


def make(name: str | None, run: Run, directory: Path) -> list[Logger]:
    """The logger of that name for a run, or none for None; it writes under `directory`/logs.

    The run is named by its variant, its seed, and the first digits of its id. A run that goes on
    from a checkpoint gives its earlier epochs again.

    Raises:
        ValueError, ModuleNotFoundError: as `check`.
    """
    check(name)
    called = f"{safe(run.method.label)}-seed{run.seed}-{run.id[:6]}"
    folder, task = directory / FOLDER, safe(run.task.name)
    match name:
        case None:
            return []
        case "csv":
            (folder / task / called / "metrics.csv").unlink(missing_ok=True)  # Fabric would warn
            return [CSVLogger(folder, task, called, flush_logs_every_n_steps=1)]
        case "tensorboard":
            return [TensorBoardLogger(folder, task, called)]
        case "mlflow":
            where = str(folder / "mlruns")
            return [_lightning().MLFlowLogger(task, run_name=called, save_dir=where)]
        case _:
            return [_lightning().WandbLogger(project=task, name=called, save_dir=str(folder))]


def _lightning() -> Any:
    return importlib.import_module("lightning.pytorch.loggers")


@contextmanager
def closing(used: Sequence[Logger]) -> Iterator[None]:
    """Flushes and closes loggers at the end of a run; W&B would else go on with the same run."""
    status = "failed"
    try:
        yield
        status = "success"
    finally:
        for logger in used:
            logger.finalize(status)
            finish = getattr(getattr(logger, "experiment", None), "finish", None)
            if finish is not None:
                finish()
