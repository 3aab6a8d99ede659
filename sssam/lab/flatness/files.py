"""The flatness of a study's runs: one file a run, and the weights that it is measured at.

They lie in folders beside the records, `flatness/<id>.json` and `weights/<id>.pt`. The weights may
be deleted once they are measured.
"""

import traceback
from collections.abc import Iterable
from pathlib import Path

import torch
from pydantic import ValidationError

from sssam.lab import flatness
from sssam.lab.flatness.specs import Kept, Plan
from sssam.lab.runs import store as records
from sssam.lab.specs import Run
from sssam.lab.training.train import alone
from sssam.runtime.files import write_whole

FOLDER, WEIGHTS = "flatness", "weights"


def weights_path(run: Run, directory: Path) -> Path:
    """Where the trained weights of a run are kept, beside the directory's records."""
    return directory / WEIGHTS / f"{run.id}.pt"


def due(run: Run, directory: Path, plan: Plan | None) -> bool:
    """Whether a trained run is still to be measured: by this plan, and from weights that are there.

    Measured by another plan, it is measured anew, as long as its weights are kept.
    """
    if plan is None or not weights_path(run, directory).exists():
        return False
    try:
        kept = _read(_path(run, directory))
    except (FileNotFoundError, ValidationError):
        return True
    return kept.plan != plan


def measure(run: Run, directory: Path, plan: Plan, threads: int = 1) -> Kept:
    """Measures a run's kept weights; whatever that raises becomes the reason in its place."""
    try:
        with alone(threads, run.seed, torch.device("cpu")):
            solution = flatness.opened(weights_path(run, directory), plan.samples)
            return Kept(run=run, plan=plan, flatness=flatness.measure(solution, plan))
    except (Exception, SystemExit) as error:  # a study outlives what a user's own task raises
        reason = traceback.format_exception_only(error)[-1].strip()
        return Kept(run=run, plan=plan, error=reason)


def write(kept: Kept, directory: Path) -> Path:
    """Writes `flatness/<id>.json`; a file of that name that is torn is set aside.

    Raises:
        OSError: the disk is full, or the directory can't be written.
    """
    path = _path(kept.run, directory)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _read(path)
    except FileNotFoundError:
        pass
    except ValidationError as error:
        records.set_aside([records.Problem(path, records.torn(error))])
    write_whole(path, kept.model_dump_json(indent=1).encode() + b"\n")
    return path


def read_all(runs: Iterable[Run], directory: Path) -> dict[str, Kept]:
    """What was found of each of the runs that were measured, by id; torn files are passed over."""
    found = {}
    for run in runs:
        try:
            found[run.id] = _read(_path(run, directory))
        except (FileNotFoundError, ValidationError):
            continue
    return found


def _path(run: Run, directory: Path) -> Path:
    return directory / FOLDER / f"{run.id}.json"


def _read(path: Path) -> Kept:
    return Kept.model_validate_json(path.read_bytes())
