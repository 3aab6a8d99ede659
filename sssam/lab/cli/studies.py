"""Which study a command is about, and its runs: trained where they are missing, or only read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from sssam.lab import records, tasks, tuned
from sssam.lab.cli import arguments
from sssam.lab.cli.refusals import RefusedError
from sssam.lab.cli.training import Trainer, tell_problems
from sssam.lab.flatness.specs import OF_STUDY
from sssam.lab.pages import explain
from sssam.lab.running import study
from sssam.lab.specs import Method, Precision, Record, Task
from sssam.lab.studies import conduct, rows, studyfile
from sssam.lab.studies.conduct import Decided
from sssam.lab.studies.design import Grid, Part, Study, runs


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
) -> Meant:
    """The study of a file, of a directory, or of a task with options.

    Raises:
        ValueError, FileNotFoundError: as `studyfile.read`, `conduct.load` and `tasks.find` do; or
            an option that belongs into the study's own file.
    """
    path = Path(what)
    named = {"--methods": methods, "--epochs": epochs, "--precision": precision}
    if path.suffix == ".toml" or (path / conduct.FILE).is_file():
        for name, value in named.items():
            if value is not None:
                raise ValueError(f"{name} is for a task: a study says it in its file, {what!r}")
        return _known(path, seeds, out, arguments.paths(data), flatness)
    chosen = arguments.task(what, epochs, arguments.only_path(data), precision)
    count = tasks.DEFAULT_SEEDS if seeds is None else seeds
    wanted = arguments.at_least_one("--seeds", count, "the number of paired seeds")
    built = Study(
        name=chosen.name,
        parts=(_part(chosen, methods),),
        seeds=tuple(range(wanted)),
        flatness=OF_STUDY if flatness else None,
    )
    folder = Path("sssam-results", conduct.safe(chosen.name)) if out is None else out
    return Meant(built, arguments.directory(folder))


def of_directory(directory: Path) -> Meant:
    """The study of a directory.

    Raises:
        FileNotFoundError, ValueError: as `conduct.load`.
    """
    return Meant(conduct.load(directory), directory)


def _known(
    path: Path, seeds: int | None, out: Path | None, data: Mapping[str, str], flatness: bool
) -> Meant:
    """A study that is written down: in a file, or in a directory, which then is its own."""
    is_file = path.suffix == ".toml"
    if not is_file and out is not None:
        raise ValueError(f"--out is {str(out)!r}, but {str(path)!r} is a study's directory itself")
    if not is_file and data:
        raise ValueError(f"--data is for a task or a study file: {str(path)!r} knows where its lie")
    found = studyfile.read(path, data) if is_file else conduct.load(path)
    if seeds is not None:
        count = arguments.at_least_one("--seeds", seeds, "the number of paired seeds")
        found = Study.model_validate({**dict(found), "seeds": tuple(range(count))})
    if flatness and found.flatness is None:
        found = found.model_copy(update={"flatness": OF_STUDY})
    default = Path("sssam-results", conduct.safe(found.name)) if is_file else path
    return Meant(found, arguments.directory(default if out is None else out))


def _part(task: Task, methods: str | None) -> Part:
    chosen = rows.chosen(task, methods)
    return Part(task=task, rows=tuple(Grid(method=m) for m in chosen), note=_note(task, chosen))


def _note(task: Task, chosen: Sequence[Method]) -> str:
    """How the rho of the rows came about."""
    kept = tuned.read(task.name)
    with_rho = [row for row in chosen if row.rho]
    given = [row.label for row in with_rho if kept.found(row.label) != row.rho]
    told = [explain.tuning(task)] if len(given) < len(with_rho) else []
    if given:
        told.append(
            f"Not tuned, but given, or the default of the class: the rho of {', '.join(given)}."
        )
    return " ".join(told)


def begin(what: Meant) -> None:
    """Builds every row and finds every task's data, and writes the study into its directory.

    Raises:
        ValueError, FileNotFoundError: as `study.check`.
    """
    for part in what.study.parts:
        for row in part.rows:
            study.check(runs(part.task, row.trials(), what.study.seeds[:1]))
    conduct.keep(what.study, what.directory)


def conducted(what: Meant, train: Trainer) -> tuple[list[Decided], dict[str, Record]]:
    """Trains what is missing, the tuning first; returns what was chosen, and all records."""
    found, held = list[Decided](), dict[str, Record]()
    for part in what.study.parts:
        decided = conduct.decide(what.study, part, train)
        held.update(train(conduct.wanted(what.study, decided), what.study.flatness))
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
