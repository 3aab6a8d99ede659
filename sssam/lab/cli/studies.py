"""Which study a command is about, and its runs: trained where they are missing, or only read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sssam.lab import engines, tasks
from sssam.lab.cli import terminal
from sssam.lab.cli.options import EngineOptions, StudyOptions, TaskOptions
from sssam.lab.cli.refusals import FailedError, RefusedError, line, refusing
from sssam.lab.report.text import counted
from sssam.lab.runs import store
from sssam.lab.runs.trainer import Trainer, report_bad_files
from sssam.lab.runs.worker import Settings
from sssam.lab.specs import Record, Task, timing
from sssam.lab.specs.flatness import FlatnessSettings
from sssam.lab.specs.invalid import safe
from sssam.lab.studies import conduct, defaults, studyfile, words
from sssam.lab.studies.conduct import Decided
from sssam.lab.studies.design import Study
from sssam.lab.training import hardware

#: `sssam compare` without a task: its epochs, of which all controls have whole parts, and trials.
DEMO, DEMO_EPOCHS = "noisy-digits", 16
DEMO_TRIALS, DEMO_RADII = 10, [0.025, 0.05, 0.1, 0.2, 0.4, 0.8]

#: Seconds for which the variants of each task are timed after a study's runs.
TIMED = 8.0


class Target(NamedTuple):
    """The study that a command is about, and its directory."""

    study: Study
    directory: Path


def task(name: str, options: TaskOptions) -> Task:
    """The task of that name, with its length and its data as asked for."""
    if len(options.data) > 1:
        raise ValueError(f"--data is given {len(options.data)} times, but one task has one place")
    changes = {} if options.epochs is None else {"epochs": options.epochs}
    return tasks.find(name, next(iter(options.data), None), changes)


def resolve(what: str | None, asked: StudyOptions, options: TaskOptions) -> Target:
    """The study of a file, of a directory, or of a task with options; the demo's for None.

    Raises:
        ValueError, FileNotFoundError: as `studyfile.read`, `conduct.load` and `tasks.find` do; or
            an option that belongs into the study's own file.
    """
    path, out = Path(what or DEMO), asked.out
    if path.suffix == ".toml" or conduct.is_directory(path):
        _refuse_options_of_tasks(path, asked, options)
        study, out = _read(path, options.data, out)
        if asked.seeds is not None:
            study = Study.model_validate({**dict(study), "seeds": tuple(range(asked.seeds))})
        if asked.flatness and study.flatness is None:
            study = study.model_copy(update={"flatness": FlatnessSettings()})
    else:
        trials = asked.trials
        if what is None:
            options = replace(options, epochs=options.epochs or DEMO_EPOCHS)
        study = words.study(
            task(what or DEMO, options),
            asked.variants,
            trials=(0 if what else DEMO_TRIALS) if trials is None else trials,
            controls=asked.controls,
            seeds=asked.seeds or defaults.SEEDS,
            flatness=asked.flatness,
            rho="tune" if what or asked.variants or trials is not None else DEMO_RADII,
        )
    directory = results(study.name, out)
    return Target(conduct.continued(study, directory), directory)


def _refuse_options_of_tasks(path: Path, asked: StudyOptions, options: TaskOptions) -> None:
    given = {"--variants": asked.variants, "--no-controls": not asked.controls}
    given |= {"--trials": asked.trials, "--epochs": options.epochs}
    for option in (option for option, value in given.items() if value):
        raise ValueError(f"{option} is for a task: a study says it in its file, {str(path)!r}")


def _read(path: Path, data: Sequence[str], out: Path | None) -> tuple[Study, Path | None]:
    """A study that is written down: in a file, or in a directory, which then is its own."""
    if path.suffix == ".toml":
        places = {}
        for text in data:
            name, equals, place = text.partition("=")
            if not (name and equals and place):
                raise ValueError(f"--data is {text!r}, must be TASK=PATH for a study file")
            places[name] = place
        return studyfile.read(path, places), out
    if out is not None or data:
        given = "--data" if data else "--out"
        raise ValueError(f"{given} is for a task or a study file: {str(path)!r} knows its own")
    return conduct.load(path), path


def results(name: str, out: Path | None = None) -> Path:
    """The output directory that was asked for, or else the one of a task's or a study's name."""
    return Path("sssam-results", safe(name)) if out is None else out


@contextmanager
def _failing() -> Iterator[None]:
    """Says in one line what fails on the way through no fault of any run."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise RefusedError(str(error)) from error
    except (engines.WorkerLostError, hardware.DeviceError) as error:
        raise FailedError(str(error)) from error


def _begun(what: Target, how: EngineOptions) -> Trainer:
    """What trains the study's runs, after all is checked and the study is in its directory."""
    study, directory = what
    made = Trainer(
        directory / conduct.RECORDS,
        engines.chosen(how.engine, study.engine),
        Settings(accelerator=how.accelerator, flatness=study.flatness),
        terminal.console(stderr=True),
        quiet=how.quiet,
        retry_failed=how.retry_failed,
    )
    for part in study.parts:
        studyfile.check(part, study.trials)
    conduct.keep(study, directory)
    if not how.quiet and not made.directory.exists() and made.engine.on_this_machine:
        terminal.note(_planned(study))
    return made


def _planned(study: Study) -> str:
    """How many runs a study has."""
    tuned = sum(each.count(study.trials) for part in study.parts for each in part.tuned)
    methods = sum(1 + len(part.controls) + len(part.variants) for part in study.parts)
    tuning = f"{counted(tuned * len(study.tuning_seeds), 'run')} to tune, " if tuned else ""
    return f"{tuning}{counted(methods * len(study.seeds), 'run')} to compare"


@_failing()
def run(what: Target, how: EngineOptions) -> tuple[list[Decided], dict[str, Record]]:
    """Trains what is missing, the tuning first; returns what was chosen, and all records.

    Raises:
        RefusedError: a variant that can't be built, an engine or an accelerator that is not there.
        FailedError: workers keep dying before they begin a run, or lack the accelerator.
    """
    with refusing():
        train = _begun(what, how)
    chosen, parts = list[Decided](), what.study.parts
    for number, part in enumerate(parts, start=1):
        of = f"task {number} of {len(parts)}, " if len(parts) > 1 else ""
        choosing = partial(train, title=f"{of}choosing hyperparameters")
        decided = conduct.decide(what.study, part, choosing)
        train(conduct.wanted(what.study, decided), f"{of}comparing", test=True)
        chosen.append(decided)
    if not train.trained:
        train.say_finished(len(train.stored), len(train.stored))
    after_runs(what, chosen, train)
    return chosen, train.stored


def after_runs(what: Target, decided: Sequence[Decided], train: Trainer) -> None:
    """Times the variants that have no timing yet, if they were trained on this machine.

    What goes wrong is said and stops nothing: the runs are there.
    """
    engine, accelerator = train.engine, train.settings.accelerator
    for each in decided if engine.on_this_machine else ():
        name = each.part.task.name
        try:
            variants = {run.variant for run in conduct.wanted(what.study, each)}
            if not variants <= timing.read(what.directory).keys():
                with terminal.busy(f"measuring seconds on {name}", train.quiet):
                    conduct.timed(each, what.directory, TIMED, accelerator, engine.threads)
        except (Exception, SystemExit) as error:  # whatever a user's task raises
            terminal.note(f"no seconds on {name}: {line(error)}")


def read(what: Target) -> tuple[list[Decided], dict[str, Record]]:
    """What the records that there are decide, and these records; raises as `records`."""
    stored, parts = records(what.directory), what.study.parts
    return [conduct.decided_so_far(what.study, part, stored) for part in parts], stored


def records(directory: Path) -> dict[str, Record]:
    """The records of a study's directory by id; files among them that are none are named.

    Raises:
        RefusedError: there are none.
    """
    stored = store.read_all(directory / conduct.RECORDS)
    report_bad_files(stored.bad_files, terminal.console(stderr=True))
    if not stored.by_id:
        raise RefusedError(f"{str(directory)!r} has no records: `sssam compare` trains a study")
    return stored.by_id
