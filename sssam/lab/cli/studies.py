"""Which study a command is about, and its runs: trained where they are missing, or only read."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from sssam.lab.cli import arguments, estimate, time, training
from sssam.lab.cli.options import HowStudies
from sssam.lab.cli.refusals import RefusedError
from sssam.lab.cli.training import Trainer, tell_problems
from sssam.lab.runs import store as records
from sssam.lab.runs.progress import CHOOSING, COMPARING
from sssam.lab.specs import Method, Precision, Record, Task
from sssam.lab.specs.flatness import OF_STUDY
from sssam.lab.studies import conduct, defaults, settings, studyfile, words
from sssam.lab.studies.conduct import Decided
from sssam.lab.studies.design import TRIALS, TUNING_SEEDS, Part, Study, Tunable
from sssam.lab.training import hardware

#: What `sssam compare` without a task shows, and in how many trials it tunes.
DEMO, DEMO_TRIALS = "noisy-digits", 10

#: Seeds on which a task is tuned that is compared without a study file.
TASK_TUNING_SEEDS = 2


class Target(NamedTuple):
    """The study that a command is about, and its directory."""

    study: Study
    directory: Path


class Options(NamedTuple):
    """What a command says of a comparison on a task, and a study in its file.

    `variants` are words as `words.parse` reads them; `trials` are those of the base's recipe and
    of each variant's rho, 0 or None for both as they are; `controls` False leaves controls out.
    """

    variants: Sequence[str] = ()
    epochs: int | None = None
    precision: Precision | None = None
    trials: int | None = None
    controls: bool = True

    def require_default(self, study: str) -> None:
        """Refuses what belongs into a study's own file.

        Raises:
            ValueError: an option was given.
        """
        for name, value in self._asdict().items():
            if value != self._field_defaults[name]:
                option = "--no-controls" if name == "controls" else f"--{name}"
                raise ValueError(f"{option} is for a task: a study says it in its file, {study!r}")


def resolve(
    what: str | None,
    options: Options = Options(),  # noqa: B008 -- immutable
    *,
    seeds: int | None = None,
    out: Path | None = None,
    data: Sequence[str] = (),
    flatness: bool = False,
) -> Target:
    """The study of a file, of a directory, or of a task with options; the demo's for None.

    Raises:
        ValueError, FileNotFoundError: as `studyfile.read`, `conduct.load` and `tasks.find` do; or
            an option that belongs into the study's own file.
    """
    if what is None:
        trials = DEMO_TRIALS if options.trials is None else options.trials
        what, options = DEMO, options._replace(trials=trials)
    path = Path(what)
    is_directory = (path / conduct.FILE).is_file() or conduct.unnamed(path) > 0
    if path.suffix == ".toml" or is_directory:
        options.require_default(what)
        given = arguments.paths(data)
        return _known(path, not is_directory, seeds, out, given, flatness)
    task = arguments.task(what, options.epochs, arguments.only_path(data), options.precision)
    wanted = arguments.seeds(defaults.SEEDS if seeds is None else seeds)
    tune = bool(options.trials)
    if options.trials is not None and options.trials < 0:
        raise ValueError(f"--trials must be at least 0, not {options.trials}: 0 tunes nothing")
    found = Study(
        name=task.name,
        parts=(_part(task, options, tune),),
        seeds=tuple(range(wanted)),
        tuning_seeds=TUNING_SEEDS[:TASK_TUNING_SEEDS],
        trials=options.trials or TRIALS,
        flatness=OF_STUDY if flatness else None,
    )
    return _continued(found, arguments.results(task.name, out))


def _part(task: Task, options: Options, tune: bool) -> Part:
    chosen = words.parse(task, [word for word in options.variants if word != "base"], tune)
    controls = defaults.controls(task) if options.controls else ()
    named = {variant.label for variant in chosen}
    return Part(
        task=task,
        base=Tunable(
            method=Method(label="base", kind="base"), axes=settings.recipe(task) if tune else {}
        ),
        controls=tuple(control for control in controls if control.label not in named),
        variants=tuple(chosen),
    )


def _continued(study: Study, directory: Path) -> Target:
    return Target(conduct.continued(study, directory), directory)


def of_directory(directory: Path) -> Target:
    """The study of a directory.

    Raises:
        FileNotFoundError, ValueError: as `conduct.load`.
    """
    return Target(conduct.load(directory), directory)


def _known(
    path: Path,
    is_file: bool,
    seeds: int | None,
    out: Path | None,
    data: Mapping[str, str],
    flatness: bool,
) -> Target:
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
    return _continued(found, arguments.results(found.name, out if is_file else path))


def trainer(what: Target, how: HowStudies, train: Callable[..., Record], quiet: bool) -> Trainer:
    """What trains the study's runs, after all is checked and the study is in its directory.

    Raises:
        ValueError, FileNotFoundError, ModuleNotFoundError: as `training.engine`, `Trainer` and
            `studyfile.check`.
    """
    where = training.engine(how, what.study)
    asked = training.settings(how, train)._replace(flatness=what.study.flatness)
    made = Trainer(what.directory, where, asked, quiet, how.retry_failed)
    _begin(what)
    by_itself = where.on_this_machine and hardware.world() == 1  # as the estimate's steps are
    if not quiet and not made.records.exists() and by_itself:
        with suppress(Exception, SystemExit):  # whatever a user's task does: its runs will tell
            made.console.print(Text(estimate.estimated(what.study, where.jobs)), soft_wrap=True)
    return made


def _begin(what: Target) -> None:
    """Builds every variant and finds every task's data; writes the study into its directory."""
    for part in what.study.parts:
        studyfile.check(part, what.study.trials)
    conduct.keep(what.study, what.directory)


def run(what: Target, train: Trainer) -> tuple[list[Decided], dict[str, Record]]:
    """Trains what is missing, the tuning first; returns what was chosen, and all records."""
    found, stored = list[Decided](), dict[str, Record]()
    parts = what.study.parts
    for number, part in enumerate(parts, start=1):
        choosing, comparing = (each.of(number, len(parts)) for each in (CHOOSING, COMPARING))
        decided = conduct.decide(what.study, part, partial(train, purpose=choosing))
        stored.update(train(conduct.wanted(what.study, decided), comparing))
        found.append(decided)
    time.after_runs(found, what.directory, train.engine, train.settings.accelerator, train.quiet)
    return found, stored


def read(what: Target, console: Console) -> tuple[list[Decided], dict[str, Record]]:
    """The same from the records that there are.

    Raises:
        RefusedError: there are none of this study, or its tuning is not finished.
    """
    stored = records.read_all(what.directory / conduct.RECORDS)
    tell_problems(stored.problems, console)
    found, some = list[Decided](), False
    for part in what.study.parts:
        try:
            decided = conduct.decide(what.study, part, conduct.reader(stored.by_id, part.task.name))
        except conduct.UnfinishedError as error:
            raise RefusedError(f"{error}: `sssam run` goes on with it") from error
        some |= any(run.id in stored.by_id for run in conduct.wanted(what.study, decided))
        found.append(decided)
    if not some:
        folder = str(what.directory / conduct.RECORDS)
        raise RefusedError(f"no record of this comparison is in {folder!r}: leave out --no-run")
    return found, stored.by_id
