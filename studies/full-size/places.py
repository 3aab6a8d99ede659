"""Where the data of these studies lie: in a folder that a variable names, or else on the hub."""

import os
from pathlib import Path
from typing import Any

import datasets


def read(variable: str, hub: str, configuration: str | None = None, needs: str = "") -> Any:
    """All parts of a data set, from the folder that `variable` names or else from the hub.

    The folder holds Parquet files as the hub has them: `train*.parquet`, `test*.parquet`.

    Args:
        variable: of the environment.
        hub: the data set's name there.
        configuration: which of its configurations.
        needs: what the hub asks for before it gives the data.

    Raises:
        ConnectionError: the data can't be read; the text says what to do.
    """
    folder = os.environ.get(variable)
    if folder and not Path(folder).is_dir():
        raise ConnectionError(f"{variable} names {folder!r}, which is no folder: {_remedy(hub)}")
    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(folder or hub, name=None if folder else configuration)
    except (OSError, ValueError) as error:  # no network, offline, gated, other files: all of these
        reason = f"{folder or hub} can't be read ({error})"
        asked = f"; {needs}" if needs and not folder else ""
        remedy = f"connect to the hub{asked}, or set {variable} to a folder: {_remedy(hub)}"
        raise ConnectionError(f"{reason}: {remedy}") from error


def _remedy(hub: str) -> str:
    return f"it must hold the Parquet files of {hub}, train*.parquet and so on"
