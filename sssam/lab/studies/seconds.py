"""How long a study will take on this machine, and the seconds of its variants, as it keeps them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sssam.lab.report.text import counted
from sssam.lab.runs.progress import duration
from sssam.lab.specs import Method, Run, Task
from sssam.lab.specs import timing as stored
from sssam.lab.studies import conduct
from sssam.lab.studies.conduct import Decided
from sssam.lab.studies.design import Part, Study
from sssam.lab.training import hardware, timing
from sssam.lab.training.evaluate import FIXED_SUBSET
from sssam.lab.training.prepare import prepare
from sssam.lab.training.timing import Timed
from sssam.lab.training.train import alone

#: Seconds for each task after a study's runs.
AFTER_RUNS = 8.0
#: Seconds from which on a shorter study is named too.
LONG = 600.0


def measured(
    decided: Decided,
    directory: Path,
    *,
    seconds: float = AFTER_RUNS,
    accelerator: str = "cpu",
    threads: int = 1,
) -> Sequence[Timed]:
    """Times a task's variants, and leaves their timings in a study's directory.

    Raises:
        OSError: the timings can't be written.
        Exception: whatever a user's own task raises.
    """
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
    """How many runs there are and how long they take, in one line; of a long study a shorter one.

    `start` is the seconds that a worker takes to begin.

    Raises:
        Exception: whatever a user's own task raises.
    """
    epochs = [_epoch_seconds(part.task) for part in study.parts]
    tuning = sum(conduct.tuning_runs(study, part) for part in study.parts)
    comparing = sum(len(conduct.undecided(part).methods) * len(study.seeds) for part in study.parts)
    seconds = start + _seconds(study, epochs, slots)
    tuned = f"{counted(tuning, 'run')} to tune, " if tuning else ""
    at_once = f" with {slots} runs at once" if slots > 1 else ""
    text = f"{tuned}{counted(comparing, 'run')} to compare: about {duration(seconds)}{at_once}"
    look = study.model_copy(update={"trials": min(study.trials, 4), "seeds": study.seeds[:3]})
    shorter = start + _seconds(look, epochs, slots)
    if seconds < LONG or shorter > seconds / 2:
        return text
    size = f"{counted(len(look.seeds), 'seed')}, in another --out"
    size = f"{counted(look.trials, 'trial')} and {size}" if tuning else size
    return f"{text}; a first look with {size}: about {duration(shorter)}"


def _seconds(study: Study, epochs: list[float], slots: int) -> float:
    """Seconds of all runs, and of what follows them, where the parts' epochs take so long."""
    runs = sum(map(partial(_of_part, study), study.parts, epochs))
    return runs / slots + AFTER_RUNS * len(study.parts)


def _of_part(study: Study, part: Part, epoch: float) -> float:
    """Seconds of all runs of a task, one after another."""
    tuned = sum(each.count(study.trials) * _epochs(part.task, each.start) for each in part.tuned)
    compared = sum(_epochs(part.task, method) for method in conduct.undecided(part).methods)
    return epoch * (tuned * len(study.tuning_seeds) + compared * len(study.seeds))


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
    run = Run(task=task, method=Method(label="base", kind="base"), seed=0)
    fabric = hardware.fabric("cpu", task.precision)
    with alone(1, 0, fabric.device):
        training = prepare(run, fabric)
        step = timing.quickest(training)
    train, validation, _ = training.split
    evaluated = (min(FIXED_SUBSET, len(train)) + len(validation)) / len(train) / 3
    return step * training.total_steps / run.epochs * (1 + evaluated)
