"""A run's curves in other tools while it trains: CSV, TensorBoard, MLflow, Weights & Biases."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from lightning_fabric.loggers.csv_logs import CSVLogger
from lightning_fabric.loggers.logger import Logger
from lightning_fabric.loggers.tensorboard import TensorBoardLogger

from sssam.lab.specs import Run
from sssam.lab.specs.names import nearest, safe

#: The folder of a study's directory that logs lie in.
FOLDER = "logs"


class _Kind(NamedTuple):
    """How a logger is made of a folder, the task's name and the run's; what it needs installed."""

    make: Callable[[Path, str, str], Logger]
    needs: tuple[str, ...]


def _csv(folder: Path, task: str, name: str) -> Logger:
    (folder / task / name / "metrics.csv").unlink(missing_ok=True)  # Fabric would warn of it
    return CSVLogger(folder, name=task, version=name, flush_logs_every_n_steps=1)


def _tensorboard(folder: Path, task: str, name: str) -> Logger:
    return TensorBoardLogger(folder, name=task, version=name)


def _mlflow(folder: Path, task: str, name: str) -> Logger:
    found: Any = importlib.import_module("lightning.pytorch.loggers")
    made: Logger = found.MLFlowLogger(task, run_name=name, save_dir=str(folder / "mlruns"))
    return made


def _wandb(folder: Path, task: str, name: str) -> Logger:
    found: Any = importlib.import_module("lightning.pytorch.loggers")
    made: Logger = found.WandbLogger(project=task, name=name, save_dir=str(folder))
    return made


#: The loggers by name: Fabric's own, and those of the package `lightning`, which work with Fabric.
LOGGERS: Mapping[str, _Kind] = MappingProxyType(
    {
        "csv": _Kind(_csv, ()),
        "tensorboard": _Kind(_tensorboard, ("tensorboardX",)),
        "mlflow": _Kind(_mlflow, ("lightning", "mlflow")),
        "wandb": _Kind(_wandb, ("lightning", "wandb")),
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
    needs = LOGGERS[name].needs
    for module in needs:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"the logger {name!r} needs the library {module!r}, which is not installed: "
                f"pip install {' '.join(needs)}",
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
    if name is None:
        return []
    called = f"{safe(run.method.label)}-seed{run.seed}-{run.id[:6]}"
    return [LOGGERS[name].make(directory / FOLDER, safe(run.task.name), called)]


def close(used: Sequence[Logger], ended_well: bool) -> None:
    """Flushes and closes loggers at the end of a run; W&B would else go on with the same run."""
    for logger in used:
        logger.finalize("success" if ended_well else "failed")
        finish = getattr(getattr(logger, "experiment", None), "finish", None)
        if finish is not None:
            finish()
