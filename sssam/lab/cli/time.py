"""`sssam time`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sssam.lab.cli.options import Accelerator, Out, StudyOptions, TaskOptions, Variants
from sssam.lab.cli.refusals import refusing

if TYPE_CHECKING:
    from sssam.lab.report.text import Cell
    from sssam.lab.training.timing import Timed


def time(
    what: str | None = None,
    *,
    variants: Variants = (),
    seconds: float = 20.0,
    out: Out = None,
    accelerator: Accelerator = "cpu",
    options: TaskOptions = TaskOptions(),  # noqa: B008 -- frozen
) -> int:
    """Measure what each variant's step takes over the base's, in seconds.

    Short blocks of steps of all variants come in turn in one process, so that a drift of the
    machine's speed meets all alike; each is compared with the base's block of the same round.
    Nothing else should run on the machine. The comparison shows the result beside passes.

    Args:
        what: A task, a study file or a study's directory, as in sssam compare.
        variants: What is timed on a task, as in sssam compare; its controls are timed too.
        seconds: About how long to measure each task, more where 15 blocks of each take longer.
        out: Directory of timings.json; default sssam-results/NAME.
        accelerator: Device that is timed.
    """
    from sssam.lab.cli import studies, terminal
    from sssam.lab.runs import store
    from sssam.lab.specs.timing import FILE
    from sssam.lab.studies import conduct
    from sssam.lab.training import hardware

    with refusing():
        target = studies.resolve(what, StudyOptions(variants=variants, out=out), options)
        hardware.require(accelerator)
    by_id = store.read_all(target.directory / conduct.RECORDS).by_id
    for part in target.study.parts:
        decided = conduct.decided_so_far(target.study, part, by_id)
        with terminal.busy(f"measuring seconds on {part.task.name}"):
            timed = conduct.timed(decided, target.directory, seconds, accelerator)
        terminal.draw([_cells(each) for each in timed])
        terminal.say("", _said(timed), "")
    terminal.say(f"The timings: {target.directory / FILE}")
    return 0


def _cells(timed: "Timed") -> "list[Cell]":
    """Passes and seconds of a whole run, in those of the base's."""
    from sssam.lab.report.text import Cell, number

    run, timing, passes = timed
    length = run.epochs / run.task.epochs
    ends = f"[{length * timing.low:.2f}, {length * timing.high:.2f}]"
    return [
        Cell("variant", run.method.label),
        number("passes", length * passes, "{:.3f}"),
        number("seconds", length * timing.ratio, "{:.2f}", note=ends),
        number("ms a step", timing.seconds * 1e3, "{:.3g}"),
    ]


def _said(timed: "Sequence[Timed]") -> str:
    """What the numbers are, and which of them say little."""
    first, made = timed[0].timing, timed[0].timing.environment
    noisy = [each.run.method.label for each in timed if not each.timing.steady]
    which = "every variant" if len(noisy) == len(timed) else ", ".join(noisy)
    unsteady = (
        f" The clock was too noisy to state a price of {which}, with an interval wider than 10%: "
        "measure again while nothing else runs."
    )
    return (
        "Passes and seconds of a whole run, in those of the base's, with 95% intervals: medians "
        f"over {first.blocks} blocks of {first.steps} steps, on {made.processor}, {made.device}, "
        f"with {made.threads} of torch's threads. Early stopping is not foreseen."
    ) + (unsteady if noisy else "")
