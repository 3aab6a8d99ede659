"""`sssam time`."""

from sssam.lab.cli.options import Accelerator, Flag, Out, StudyOptions, TaskOptions, Variants
from sssam.lab.cli.refusals import refusing


def time(
    what: str | None = None,
    *,
    variants: Variants = (),
    seconds: float = 20.0,
    out: Out = None,
    accelerator: Accelerator = "cpu",
    quiet: Flag = False,
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
        quiet: No progress and no table; the path of timings.json alone.
    """
    from sssam.lab.cli import studies, terminal
    from sssam.lab.report import timings
    from sssam.lab.runs import store
    from sssam.lab.specs.timing import FILE
    from sssam.lab.studies import conduct
    from sssam.lab.studies import seconds as measuring
    from sssam.lab.training import hardware

    with refusing():
        target = studies.resolve(what, StudyOptions(variants=variants, out=out), options)
        hardware.require(accelerator)
    by_id = store.read_all(target.directory / conduct.RECORDS).by_id
    for part in target.study.parts:
        decided = conduct.decided_so_far(target.study, part, by_id)
        with terminal.busy(f"measuring seconds on {part.task.name}", quiet):
            found = measuring.measured(
                decided, target.directory, seconds=seconds, accelerator=accelerator
            )
        if not quiet:
            terminal.draw(timings.cells(found))
            terminal.say("", timings.sentence(found), "")
    terminal.say(f"The timings: {target.directory / FILE}")
    return 0
