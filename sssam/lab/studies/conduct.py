"""A study in its directory: kept, conducted, and read again.

The directory holds `study.json`, the study whole; `records/`, one file a run, those of the tuning
among them; and for each task what the comparison shows, in a folder of its own where there are
several tasks. While runs are missing, the page lies in `unfinished/`, so that it replaces
no finished page.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Comparison
from sssam.lab.specs import Method, Record, Run, timing
from sssam.lab.specs.invalid import complaint, safe
from sssam.lab.specs.record import Tuning
from sssam.lab.studies import tune
from sssam.lab.studies.design import Part, Study, Tunable, runs
from sssam.lab.studies.tune import Choice, Train
from sssam.lab.training.timing import Timed, measure
from sssam.runtime.files import write_whole

FILE, RECORDS, UNFINISHED = "study.json", "records", "unfinished"

#: The folders of a study's directory, whose names no task of several can have.
OWN = (RECORDS, UNFINISHED)


class UnfinishedError(Exception):
    """What a variant is run at is not known yet, since runs of the tuning have no record."""


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
        ValueError: the directory holds a study of another name, or a torn one.
    """
    if not (directory / FILE).is_file():
        return study
    before = load(directory)
    if before.name != study.name:
        raise ValueError(
            f"{str(directory)!r} holds the study {before.name!r}, and this is {study.name!r}: name "
            "another --out"
        )
    return study.model_copy(update={"first_seeds": before.first_seeds})


def keep(study: Study, directory: Path) -> None:
    """Writes `study.json` in place of one of the same name; raises as `continued`."""
    content = continued(study, directory).text().encode()
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(directory / FILE, content)


def is_directory(path: Path) -> bool:
    """Whether a study, or records alone as `sssam import` leaves them, lie in a directory."""
    return (path / FILE).is_file() or (path / RECORDS).is_dir()


def load(directory: Path) -> Study:
    """The study of a directory.

    Raises:
        FileNotFoundError: there is none.
        ValueError: its `study.json` is torn, or not one.
    """
    path = directory / FILE
    try:
        return Study.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(
            f"{str(directory)!r} holds no {FILE}, which says what is compared: give the task or "
            f"the study file that its records are of, and --out {str(directory)!r}"
        ) from error
    except ValidationError as error:
        raise ValueError(
            f"{path} is no study: {complaint(error)}; remove it and begin again"
        ) from error


def decide(study: Study, part: Part, train: Train) -> Decided:
    """Tunes the base's recipe, and then each variant at that recipe, in equally many trials."""
    (base,) = tune.tune(part.task, [part.base], study.tuning_seeds, study.trials, train)
    following = [variant.following(base.method) for variant in part.variants]
    chosen = tune.tune(part.task, following, study.tuning_seeds, study.trials, train)
    controls = [Tunable(method=each).following(base.method) for each in part.controls]
    return Decided(part, [base, *(Choice(each.method) for each in controls), *chosen])


def undecided(study: Study, part: Part) -> Decided:
    """A task where nothing is tuned yet, for a look at a tuning under way."""
    untried = study.model_copy(update={"trials": 0})
    return decide(untried, part, reader({}, part.task.name))


def wanted(study: Study, decided: Decided) -> list[Run]:
    """The runs of the comparison on one task."""
    return runs(decided.part.task, decided.methods, study.seeds)


def reader(stored: Mapping[str, Record], task: str) -> Train:
    """What stands in for training where only records are to be read.

    Its calls raise UnfinishedError where a record is missing.
    """

    def train(asked: Sequence[Run]) -> Mapping[str, Record]:
        if missing := sum(run.id not in stored for run in asked):
            why = f"{missing} runs of the next round have no record"
            raise UnfinishedError(f"the tuning on {task!r} is not finished: {why}")
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
        return undecided(study, part.model_copy(update={"note": note}))


def compared(
    study: Study, decided: Decided, stored: Iterable[Record], directory: Path | None = None
) -> Comparison:
    """The comparison on one task, from the records that there are.

    `directory` is that of the study, where the timings of its variants lie, if there are any.
    """
    comparison = compare(
        decided.part.task,
        decided.methods,
        study.seeds,
        stored,
        tuning=decided.tunings,
        timings={} if directory is None else timing.read(directory),
        flatness=study.flatness,
    )
    known = {"note": decided.part.note, "untuned": tuple(decided.untuned)}
    return comparison.model_copy(update={**known, "seeds_added": study.seeds_added})


def timed(
    decided: Decided, directory: Path, seconds: float, accelerator: str, threads: int = 1
) -> Sequence[Timed]:
    """Times a task's variants for so many seconds, and leaves their timings in the directory."""
    timings = measure(decided.part.task, decided.methods, seconds, accelerator, threads)
    timing.write({each.run.variant: each.timing for each in timings}, directory)
    return timings


def shown_in(directory: Path, comparisons: Iterable[Comparison]) -> Path:
    """Where the pages of a study belong: its directory, or a folder there while runs are missing.

    Where none is missing, the pages of the unfinished study are removed.
    """
    apart = directory / UNFINISHED
    if any(comparison.missing for comparison in comparisons):
        return apart
    shutil.rmtree(apart, ignore_errors=True)
    return directory


def folder(study: Study, part: Part, directory: Path) -> Path:
    """Where the results of a task lie: the directory itself, if it is the only task."""
    return directory if len(study.parts) == 1 else directory / safe(part.task.name)
