"""A study in its directory: kept, conducted, and read again.

The directory holds `study.json`, the study whole; `records/`, one file a run, those of the tuning
among them; and for each task what the comparison shows, in a folder of its own where there are
several tasks.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from sssam.lab.comparison import compare as comparing
from sssam.lab.comparison import flatness
from sssam.lab.comparison.values import Comparison
from sssam.lab.report.text import counted
from sssam.lab.runs import store as records
from sssam.lab.specs import Method, Record, Run, timing
from sssam.lab.specs.invalid import complaint
from sssam.lab.specs.names import safe
from sssam.lab.specs.tuning import Tuning
from sssam.lab.studies import tune
from sssam.lab.studies.design import Part, Study, Tunable, runs
from sssam.lab.studies.tune import Choice, Train
from sssam.lab.training import loggers
from sssam.runtime.files import write_whole

FILE, RECORDS, EARLIER = "study.json", "records", "earlier"

#: The folders of a study's directory, whose names no task of several can have.
OWN = (RECORDS, EARLIER, loggers.FOLDER)


class UnfinishedError(Exception):
    """What a variant is run at is not known yet, since runs of the tuning have no record."""

    def __init__(self, task: str, missing: int) -> None:
        super().__init__(
            f"the tuning on {task!r} is not finished: {missing} runs of the next round have no "
            "record"
        )


class Decided(NamedTuple):
    """A task of a study with its settings chosen: the base, the controls and the variants."""

    part: Part
    choices: Sequence[Choice]

    @property
    def methods(self) -> list[Method]:
        """What is compared, ready to be run."""
        return [choice.method for choice in self.choices]

    @property
    def tunings(self) -> list[Tuning]:
        """What was tuned over what: the base's recipe, then each variant that was tuned."""
        return [choice.tuning for choice in self.choices if choice.tuning is not None]

    @property
    def untuned(self) -> list[str]:
        """The labels of variants whose rho is a number that was not tuned."""
        tuned = {tuning.label for tuning in self.tunings if "rho" in tuning.values}
        return [
            each.label
            for each in self.methods
            if each.rho not in (0, "auto") and each.label not in tuned
        ]


def continued(study: Study, directory: Path) -> Study:
    """The study with the seeds that the one of its name in a directory was begun with.

    Raises:
        ValueError: the directory holds a study of another name.
    """
    path = directory / FILE
    before = _read(path.read_bytes()) if path.is_file() else None
    if before is None:
        return study
    if before.name != study.name:
        raise ValueError(
            f"{str(directory)!r} holds the study {before.name!r}, and this is {study.name!r}: name "
            "another --out"
        )
    return study.model_copy(update={"first_seeds": before.first_seeds})


def keep(study: Study, directory: Path) -> Path:
    """Writes `study.json`; another study of the same name that was there is kept in `earlier/`.

    Raises:
        ValueError: the directory holds a study of another name.
        OSError: it could not be written.
    """
    path, content = directory / FILE, continued(study, directory).text().encode()
    directory.mkdir(parents=True, exist_ok=True)
    if path.exists() and (before := path.read_bytes()) != content:
        (directory / EARLIER).mkdir(exist_ok=True)
        digest = hashlib.sha256(before).hexdigest()[:8]
        os.replace(path, directory / EARLIER / f"study-{digest}.json")
    write_whole(path, content)
    return path


def _read(content: bytes) -> Study | None:
    """The study that a file holds, None if it holds none."""
    try:
        return Study.model_validate_json(content)
    except ValidationError:
        return None


def load(directory: Path) -> Study:
    """The study of a directory.

    Raises:
        FileNotFoundError: there is none.
        ValueError: its `study.json` is torn, or not one.
    """
    path = directory / FILE
    if not path.is_file():
        beside = unnamed(directory)
        if beside:
            raise FileNotFoundError(
                f"{str(directory)!r} holds {counted(beside, 'record')} but no {FILE}, which "
                "says what is compared: give the task or the study file that they are of, and "
                f"--out {str(directory)!r}"
            )
        raise FileNotFoundError(
            f"{str(directory)!r} holds no {FILE}: this is not a study directory, "
            "as `sssam compare` writes one"
        )
    try:
        return Study.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(
            f"{path} is no study: {complaint(error)}; give the study file again"
        ) from error


def unnamed(directory: Path) -> int:
    """The records of a directory without a study, as `sssam import` leaves them."""
    folder = directory / RECORDS
    if (directory / FILE).is_file() or not folder.is_dir():
        return 0
    return len(records.read_all(folder).by_id)


def decide(study: Study, part: Part, train: Train) -> Decided:
    """Tunes the base's recipe, and then each variant at that recipe, in equally many trials.

    Raises:
        Whatever `train` raises.
    """
    (base,) = tune.tune(part.task, [part.base], study.tuning_seeds, study.trials, train)
    following = [variant.following(base.method) for variant in part.variants]
    chosen = tune.tune(part.task, following, study.tuning_seeds, study.trials, train)
    return Decided(part, [base, *_controls(part, base.method), *chosen])


def undecided(part: Part) -> Decided:
    """A task where nothing is tuned yet, for a look at a tuning under way."""
    base = Choice(part.base.start)
    following = [variant.following(base.method) for variant in part.variants]
    variants = [Choice(variant.start) for variant in following]
    return Decided(part, [base, *_controls(part, base.method), *variants])


def _controls(part: Part, base: Method) -> list[Choice]:
    tunables = [Tunable(method=control).following(base) for control in part.controls]
    return [Choice(tunable.method) for tunable in tunables]


def wanted(study: Study, decided: Decided) -> list[Run]:
    """The runs of the comparison on one task."""
    return runs(decided.part.task, decided.methods, study.seeds)


def tuning_runs(study: Study, part: Part) -> int:
    """The most runs that the tuning on one task takes."""
    counts = [each.count(study.trials) for each in part.tuned]
    return sum(counts) * len(study.tuning_seeds)


def reader(stored: Mapping[str, Record], task: str) -> Train:
    """What stands in for training where only records are to be read.

    Its calls raise UnfinishedError where a record is missing.
    """

    def train(asked: Sequence[Run]) -> Mapping[str, Record]:
        missing = sum(run.id not in stored for run in asked)
        if missing:
            raise UnfinishedError(task, missing)
        return stored

    return train


def decided_so_far(study: Study, part: Part, stored: Mapping[str, Record]) -> Decided:
    """What the records have decided, or else what the task starts from, with a note that says so.

    Of radii and recipes alone: the methods are the same.
    """
    try:
        return decide(study, part, reader(stored, part.task.name))
    except UnfinishedError as unfinished:
        note = f"Until the end of the tuning, what is tuned has no runs: {unfinished}."
        return undecided(part.model_copy(update={"note": note}))


def compared(
    study: Study, decided: Decided, stored: Iterable[Record], directory: Path | None = None
) -> Comparison:
    """The comparison on one task, from the records that there are.

    `directory` is that of the study, where the timings of its variants lie, if there are any.

    Raises:
        ValueError: the directory's file of timings holds none.
    """
    part, stored = decided.part, list(stored)
    found = comparing.compare(
        part.task,
        decided.methods,
        study.seeds,
        stored,
        part.note,
        decided.untuned,
        tuning=decided.tunings,
        timings={} if directory is None else timing.read(directory),
        added=study.seeds_added,
    )
    if study.flatness is None:
        return found
    asked = {run.id for run in wanted(study, decided)}
    records_ = [record for record in stored if record.id in asked]
    return flatness.with_flatness(found, records_, study.flatness)


def folder(study: Study, part: Part, directory: Path) -> Path:
    """Where what is shown of a task lies: the directory itself, if it is the only task."""
    return directory if len(study.parts) == 1 else directory / safe(part.task.name)
