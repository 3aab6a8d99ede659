"""`sssam time`."""

from pathlib import Path
from typing import TYPE_CHECKING

from sssam.lab.cli.options import Accelerator, Data, Flag, Precision, Variants
from sssam.lab.cli.refusals import refusing, said, telling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from sssam.lab.engines import Engine
    from sssam.lab.specs import Record
    from sssam.lab.studies.conduct import Decided
    from sssam.lab.studies.design import Part, Study
    from sssam.lab.training.timing import Timed

#: Seconds for each task: those of `sssam.lab.training.timing`, and those after a study's runs.
ENOUGH, AFTER_RUNS = 20.0, 8.0


def time(
    what: str | None = None,
    *,
    variants: Variants = (),
    seconds: float = ENOUGH,
    threads: int = 1,
    out: Path | None = None,
    epochs: int | None = None,
    precision: Precision | None = None,
    data: Data = (),
    accelerator: Accelerator = "cpu",
    quiet: Flag = False,
) -> int:
    """Measure what each variant's step takes over the base's, in seconds.

    Short blocks of steps of all variants come in turn in one process, so that a drift of the
    machine's speed meets all alike; each is compared with the base's block of the same round.
    Nothing else should run on the machine. The comparison shows the result beside passes.

    Args:
        what: A task, a study file or a study's directory, as in sssam compare.
        variants: What is timed on a task, as in sssam compare; its controls are timed too.
        seconds: About how long to measure each task, more where 15 blocks of each take longer.
        threads: Torch's threads, at least 1.
        out: Directory of timings.json; default sssam-results/NAME.
        epochs: Length of the training on a task, on which batch norm's refresh is spread.
        precision: Of the training of a task, as in sssam train.
        data: Where data lie, as in sssam compare.
        accelerator: Device that is timed.
        quiet: No progress and no table; the path of timings.json alone.
    """
    from rich.text import Text

    from sssam.lab.cli import arguments, studies, terminal
    from sssam.lab.runs import store
    from sssam.lab.specs.timing import FILE
    from sssam.lab.studies import conduct
    from sssam.lab.training.hardware import require

    with refusing():
        arguments.at_least_one("--threads", threads, "torch's threads")
        options = studies.Options(variants, epochs, precision)
        target = studies.resolve(what, options, out=out, data=data)
        require(accelerator)
    output, errors = terminal.consoles()
    by_id = store.read_all(target.directory / conduct.RECORDS).by_id
    for part in target.study.parts:
        decided = _decided(target.study, part, by_id)
        with refusing(), telling(part.task, errors):
            found = measure(decided, target.directory, accelerator, seconds, threads, quiet)
        if not quiet:
            output.print(_table(found))
            output.print(Text(f"\n{_said(found)}\n"), soft_wrap=True)
    output.print(Text(f"The timings: {target.directory / FILE}"), soft_wrap=True)
    return 0


def _decided(study: "Study", part: "Part", stored: "Mapping[str, Record]") -> "Decided":
    """What a task's records have decided, or else what it starts from: radii change no step."""
    from sssam.lab.studies import conduct

    try:
        return conduct.decide(study, part, conduct.reader(stored, part.task.name))
    except conduct.UnfinishedError:
        return conduct.undecided(part)


def measure(
    decided: "Decided",
    directory: Path,
    accelerator: str,
    seconds: float,
    threads: int,
    quiet: bool,
) -> "Sequence[Timed]":
    """Times a task's variants, and leaves their timings in a study's directory.

    Raises:
        ValueError: torchrun's ranks.
        OSError: the timings can't be written.
        Exception: whatever a user's own task raises.
    """
    from contextlib import nullcontext

    from sssam.lab.cli import terminal
    from sssam.lab.specs import timing as stored
    from sssam.lab.training import timing

    _, errors = terminal.consoles()
    text = f"measuring seconds on {decided.part.task.name}"
    with nullcontext() if quiet else errors.status(text):
        found = timing.measure(
            decided.part.task,
            decided.methods,
            seconds=seconds,
            accelerator=accelerator,
            threads=threads,
        )
    stored.write({each.run.variant: each.timing for each in found}, directory)
    return found


def after_runs(
    decided: "Sequence[Decided]", directory: Path, engine: "Engine", accelerator: str, quiet: bool
) -> None:
    """Times the variants that have no timing yet, if they were trained on this machine.

    What goes wrong is said and stops nothing: the runs are there.
    """
    from sssam.lab.cli import terminal
    from sssam.lab.specs import Run
    from sssam.lab.specs import timing as stored
    from sssam.lab.training import hardware

    if not engine.on_this_machine or hardware.world() > 1:
        return
    _, errors = terminal.consoles()
    for each in decided:
        task = each.part.task
        runs = [Run(task=task, method=method, seed=0) for method in each.methods]
        try:
            if {run.variant for run in runs} - set(stored.read(directory)):
                measure(each, directory, accelerator, AFTER_RUNS, engine.threads, quiet)
        except (Exception, SystemExit) as error:
            errors.print(f"no seconds on {task.name}: {said(error)}", soft_wrap=True, markup=False)


def _table(found: "Sequence[Timed]") -> "Table":
    """Passes and seconds of whole runs, in those of the base's."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("variant", no_wrap=True)
    for name in ("passes", "seconds", "95% interval", "ms a step"):
        table.add_column(name, justify="right", no_wrap=True)
    for run, timing, passes in found:
        length, numbers = run.epochs / run.task.epochs, (timing.ratio, timing.low, timing.high)
        ratio, low, high = (f"{length * number:.2f}" for number in numbers)
        step = f"{timing.seconds * 1e3:.3g}"
        table.add_row(run.method.label, f"{length * passes:.3f}", ratio, f"{low} to {high}", step)
    return table


def _said(found: "Sequence[Timed]") -> str:
    """What the numbers are, where they were measured, and which of them say little."""
    from sssam.lab.report.text import counted

    first = found[0].timing
    made = first.environment
    text = (
        "Passes and seconds of a whole run, in those of the base's run: medians over "
        f"{counted(first.blocks, 'block')} of {counted(first.steps, 'step')}, on {made.processor}, "
        f"{made.device}, {counted(made.threads, 'thread')}, torch {made.versions['torch']}. "
        "Plain and sharpness-aware steps are weighted as the schedule expects them; early stopping "
        "is not foreseen."
    )
    noisy = [each.run.method.label for each in found if not each.timing.steady]
    if noisy:
        which = "every variant" if len(noisy) == len(found) else ", ".join(noisy)
        text += (
            f" The clock was too noisy to state a price of {which}, with an interval wider than "
            "10%: measure again while nothing else runs."
        )
    return text
