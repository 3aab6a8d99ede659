"""Which study a command is about, and its runs: trained where they are missing, or only read."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from sssam.lab import tasks
from sssam.lab.cli import arguments, training
from sssam.lab.cli.refusals import RefusedError
from sssam.lab.cli.training import Trainer, tell_problems
from sssam.lab.report import sentences
from sssam.lab.runs import checks
from sssam.lab.runs import store as records
from sssam.lab.runs.progress import CHOOSING, COMPARING
from sssam.lab.runs.worker import Settings
from sssam.lab.specs import Precision, Record, Task
from sssam.lab.specs.flatness import OF_STUDY
from sssam.lab.studies import conduct, rows, studyfile
from sssam.lab.studies.conduct import Decided
from sssam.lab.studies.design import Grid, Part, Study, runs
from sssam.lab.tuned import Tuned


class Meant(NamedTuple):
    """The study that a command is about, and its directory."""

    study: Study
    directory: Path


def meant(
    what: str,
    *,
    methods: str | None = None,
    seeds: int | None = None,
    out: Path | None = None,
    epochs: int | None = None,
    data: Sequence[str] = (),
    flatness: bool = False,
    precision: Precision | None = None,
    tuned: Path | None = None,
) -> Meant:
    """The study of a file, of a directory, or of a task with options.

    Raises:
        ValueError, FileNotFoundError: as `studyfile.read`, `conduct.load` and `tasks.find` do; or
            an option that belongs into the study's own file.
    """
    path = Path(what)
    named = {"--methods": methods, "--epochs": epochs, "--precision": precision, "--tuned": tuned}
    is_directory = (path / conduct.FILE).is_file() or conduct.unnamed(path) > 0
    if path.suffix == ".toml" or is_directory:
        for name, value in named.items():
            if value is not None:
                raise ValueError(f"{name} is for a task: a study says it in its file, {what!r}")
        given = arguments.paths(data)
        return _known(path, not is_directory, seeds, out, given, flatness)
    chosen = arguments.task(what, epochs, arguments.only_path(data), precision)
    count = tasks.DEFAULT_SEEDS if seeds is None else seeds
    wanted = arguments.seeds(count)
    built = Study(
        name=chosen.name,
        parts=(_part(chosen, methods, arguments.tuning(chosen, tuned)),),
        seeds=tuple(range(wanted)),
        flatness=OF_STUDY if flatness else None,
    )
    return Meant(built, arguments.results(chosen.name, out))


def of_directory(directory: Path) -> Meant:
    """The study of a directory.

    Raises:
        FileNotFoundError, ValueError: as `conduct.load`.
    """
    return Meant(conduct.load(directory), directory)


def _known(
    path: Path,
    is_file: bool,
    seeds: int | None,
    out: Path | None,
    data: Mapping[str, str],
    flatness: bool,
) -> Meant:
    """A study that is written down: in a file, or in a directory, which then is its own."""
    if not is_file and out is not None:
        raise ValueError(f"--out is {str(out)!r}, but {str(path)!r} is a study's directory itself")
    if not is_file and data:
        raise ValueError(f"--data is for a task or a study file: {str(path)!r} knows where its lie")
    found = studyfile.read(path, data) if is_file else conduct.load(path)
    if seeds is not None:
        count = arguments.seeds(seeds)
        found = Study.model_validate({**dict(found), "seeds": tuple(range(count))})
    if flatness and found.flatness is None:
        found = found.model_copy(update={"flatness": OF_STUDY})
    return Meant(found, arguments.results(found.name, out if is_file else path))


def _part(task: Task, methods: str | None, values: Tuned | None) -> Part:
    """The task with its rows, and how the rho of each came about."""
    chosen = rows.chosen(task, methods, values)
    with_rho = [row for row in chosen if row.rho]
    untuned = [r.label for r in with_rho if values is None or values.found(r.label) != r.rho]
    told = []
    if values is not None and len(untuned) < len(with_rho):
        told = [sentences.tuned_before(task, values)]
    if untuned:
        labels = ", ".join(untuned)
        told.append(f"Not tuned, but given, or the default of the class: the rho of {labels}.")
    grids = tuple(Grid(method=method) for method in chosen)
    return Part(task=task, rows=grids, note=" ".join(told), untuned=tuple(untuned))


def trainer(
    what: Meant,
    engine: str | None,
    jobs: int | None,
    settings: Settings,
    quiet: bool,
    retry_failed: bool = False,
) -> Trainer:
    """What trains the study's runs, after all is checked and the study is in its directory.

    Raises:
        ValueError, FileNotFoundError, ModuleNotFoundError: as `training.engine`, `Trainer` and
            `checks.check_runs`.
    """
    where = training.engine(engine, jobs, what.study)
    settings = settings._replace(flatness=what.study.flatness)
    made = Trainer(what.directory, where, settings, quiet, retry_failed)
    _begin(what)
    return made


def _begin(what: Meant) -> None:
    """Builds every row and finds every task's data, and writes the study into its directory."""
    for part in what.study.parts:
        trials = [trial for row in part.rows for trial in row.trials()]
        checks.check_runs(runs(part.task, trials, what.study.seeds[:1]))
    conduct.keep(what.study, what.directory)


def conducted(what: Meant, train: Trainer) -> tuple[list[Decided], dict[str, Record]]:
    """Trains what is missing, the tuning first; returns what was chosen, and all records."""
    found, held = list[Decided](), dict[str, Record]()
    parts = what.study.parts
    for number, part in enumerate(parts, start=1):
        choosing, comparing = (each.of(number, len(parts)) for each in (CHOOSING, COMPARING))
        decided = conduct.decide(what.study, part, partial(train, purpose=choosing))
        held.update(train(conduct.wanted(what.study, decided), comparing))
        found.append(decided)
    return found, held


def read(what: Meant, console: Console) -> tuple[list[Decided], dict[str, Record]]:
    """The same from the records that there are.

    Raises:
        RefusedError: there are none of this study, or its tuning is not finished.
    """
    held = records.read_all(what.directory / conduct.RECORDS)
    tell_problems(held.problems, console)
    found, some = list[Decided](), False
    for part in what.study.parts:
        try:
            decided = conduct.decide(what.study, part, conduct.reader(held.by_id, part.task.name))
        except conduct.UnfinishedError as error:
            raise RefusedError(f"{error}: `sssam run` goes on with it") from error
        some |= any(run.id in held.by_id for run in conduct.wanted(what.study, decided))
        found.append(decided)
    if not some:
        folder = str(what.directory / conduct.RECORDS)
        raise RefusedError(f"no record of this comparison is in {folder!r}: leave out --no-run")
    return found, held.by_id
