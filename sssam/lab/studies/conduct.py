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
from sssam.lab.runs import store as records
from sssam.lab.specs import Method, Record, Run
from sssam.lab.specs.invalid import complaint
from sssam.lab.specs.names import safe
from sssam.lab.studies import tune
from sssam.lab.studies.design import Part, Study, runs
from sssam.runtime.files import write_whole

FILE, RECORDS, EARLIER = "study.json", "records", "earlier"


class UnfinishedError(Exception):
    """What a row is to be run at is not known yet, since runs of the tuning have no record."""

    def __init__(self, task: str, missing: int, total: int) -> None:
        super().__init__(
            f"the tuning on {task!r} is not finished: {missing} of {total} runs have no record"
        )


class Decided(NamedTuple):
    """A task of a study with its rows' values chosen."""

    part: Part
    choices: Sequence[tune.Choice]

    @property
    def methods(self) -> list[Method]:
        """The rows, ready to be run."""
        return [choice.method for choice in self.choices]


def keep(study: Study, directory: Path) -> Path:
    """Writes `study.json`; another study of the same name that was there is kept in `earlier/`.

    Raises:
        ValueError: the directory holds a study of another name.
        OSError: it could not be written.
    """
    path, content = directory / FILE, study.text().encode()
    directory.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_bytes() != content:
        before = path.read_bytes()
        name = _name(before)
        if name not in (None, study.name):
            raise ValueError(
                f"{str(directory)!r} holds the study {name!r}, and this is {study.name!r}: name "
                "another --out"
            )
        (directory / EARLIER).mkdir(exist_ok=True)
        digest = hashlib.sha256(before).hexdigest()[:8]
        os.replace(path, directory / EARLIER / f"study-{digest}.json")
    write_whole(path, content)
    return path


def _name(content: bytes) -> str | None:
    """The name of the study that a file holds, None if it holds none."""
    try:
        return Study.model_validate_json(content).name
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
            many = f"{beside} record{'' if beside == 1 else 's'}"
            raise FileNotFoundError(
                f"{str(directory)!r} holds {many} but no {FILE}, which says what is compared: "
                f"give the task or the study file that they are of, and --out {str(directory)!r}"
            )
        raise FileNotFoundError(
            f"{str(directory)!r} holds no {FILE}: it is no directory of `sssam run` or "
            "`sssam compare`"
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


def decide(study: Study, part: Part, train: tune.Train) -> Decided:
    """Chooses the values of a task's rows.

    Raises:
        Whatever `train` raises.
    """
    return Decided(part, tune.choose(part.task, part.rows, study.tuning_seeds, train))


def undecided(part: Part) -> Decided:
    """A task whose rows stand at the first of their values, for a look at a tuning under way."""
    return Decided(part, [tune.best(row, ()) for row in part.rows])


def wanted(study: Study, decided: Decided) -> list[Run]:
    """The runs of the comparison on one task."""
    return runs(decided.part.task, decided.methods, study.seeds)


def reader(held: Mapping[str, Record], task: str) -> tune.Train:
    """What stands in for training where only records are to be read.

    Its calls raise UnfinishedError where a record is missing.
    """

    def train(asked: Sequence[Run]) -> Mapping[str, Record]:
        missing = sum(run.id not in held for run in asked)
        if missing:
            raise UnfinishedError(task, missing, len(asked))
        return held

    return train


def compared(study: Study, decided: Decided, held: Iterable[Record]) -> Comparison:
    """The comparison on one task, from the records that there are."""
    part, held = decided.part, list(held)
    told = tune.told(decided.choices, study.tuning_seeds, part.task.metric)
    note = " ".join(text for text in (told, part.note) if text)
    methods, untuned = decided.methods, part.untuned
    found = comparing.compare(part.task, methods, study.seeds, held, note, untuned)
    if study.flatness is None:
        return found
    asked = {run.id for run in wanted(study, decided)}
    records_ = [record for record in held if record.id in asked]
    return flatness.with_flatness(found, records_, study.flatness)


def folder(study: Study, part: Part, directory: Path) -> Path:
    """Where what is shown of a task lies: the directory itself, if it is the only task."""
    return directory if len(study.parts) == 1 else directory / safe(part.task.name)
