"""How long a study will take on this machine, and the seconds of its variants, as it keeps them."""

from collections.abc import Sequence
from pathlib import Path

from sssam.lab.report.text import counted
from sssam.lab.runs.progress import duration
from sssam.lab.specs import BASE, Method, Run, Task
from sssam.lab.specs import timing as stored
from sssam.lab.studies import conduct
from sssam.lab.studies.conduct import Decided
from sssam.lab.studies.design import Study
from sssam.lab.training import hardware, timing
from sssam.lab.training.evaluate import FIXED_SUBSET
from sssam.lab.training.prepare import prepare
from sssam.lab.training.timing import Timed
from sssam.lab.training.train import alone

#: Seconds for each task after a study's runs.
AFTER_RUNS = 8.0


def measured(
    decided: Decided,
    directory: Path,
    *,
    seconds: float = AFTER_RUNS,
    accelerator: str = "cpu",
    threads: int = 1,
) -> Sequence[Timed]:
    """Times a task's variants, and leaves their timings in a study's directory."""
    timed = timing.measure(
        decided.part.task,
        decided.methods,
        seconds=seconds,
        accelerator=accelerator,
        threads=threads,
    )
    stored.write({each.run.variant: each.timing for each in timed}, directory)
    return timed


def are_known(decided: Decided, directory: Path) -> bool:
    """Whether every variant of a task has a timing in the study's directory."""
    runs = [Run(task=decided.part.task, method=method, seed=0) for method in decided.methods]
    return {run.variant for run in runs} <= set(stored.read(directory))


def estimated(study: Study, slots: int, start: float = 0.0) -> str:
    """How many runs there are and how long they take, in one line.

    `start` is the seconds that a worker takes to begin.
    """
    tuning = comparing = 0
    seconds = start + AFTER_RUNS * len(study.parts)
    for part in study.parts:
        methods, task = conduct.undecided(study, part).methods, part.task
        tried = [(each.count(study.trials), _epochs(task, each.start)) for each in part.tuned]
        tuning += sum(count for count, _ in tried) * len(study.tuning_seeds)
        comparing += len(methods) * len(study.seeds)
        epochs = sum(count * epochs for count, epochs in tried) * len(study.tuning_seeds)
        epochs += sum(_epochs(task, method) for method in methods) * len(study.seeds)
        seconds += epochs * _epoch_seconds(task) / slots
    tuned = f"{counted(tuning, 'run')} to tune, " if tuning else ""
    at_once = f" with {slots} runs at once" if slots > 1 else ""
    return f"{tuned}{counted(comparing, 'run')} to compare: about {duration(seconds)}{at_once}"


def _epochs(task: Task, method: Method) -> float:
    """A method's epochs, in those of the base: a scheduled pass at its mean probability."""
    run = Run(task=task, method=method, seed=0)
    if method.kind == "base":
        return run.epochs
    schedule = method.scheduling_function()
    mean = 1.0 if schedule is None else schedule.mean_probability(1000)
    return run.epochs * (1 + mean * method.ascent_fraction)


def _epoch_seconds(task: Task) -> float:
    """Seconds of one epoch of the base and of the evaluation after it, with one thread."""
    run = Run(task=task, method=BASE, seed=0)
    fabric = hardware.fabric("cpu", task.precision)
    with alone(1, 0, fabric.device):
        training = prepare(run, fabric)
        step = timing.quickest(training)
    train, validation, _ = training.split
    evaluated = (min(FIXED_SUBSET, len(train)) + len(validation)) / len(train) / 3
    return step * training.total_steps / run.epochs * (1 + evaluated)
