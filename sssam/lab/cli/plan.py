"""`sssam plan`."""

from sssam.lab.cli.options import Plot, Whole
from sssam.lab.cli.refusals import refusing


def plan(*, budget: float = 1.5, total_steps: Whole = 1000, out: Plot = None) -> int:
    """See what each family of schedules would do at a budget, before paying for it.

    Args:
        budget: Propagations a step: 1 is the base optimizer, 2 is SAM.
        total_steps: Steps of the run.
        out: File for the plot, ending in .svg, .pdf or .png.
    """
    from sssam.lab.cli import terminal
    from sssam.lab.report import files
    from sssam.lab.report.schedules import schedules
    from sssam.lab.studies import budgets

    with refusing():
        families = budgets.families(budget, total_steps)
        drawn = budgets.bands(families, total_steps)
        paths = [] if out is None else files.save(schedules(drawn), out)
    terminal.draw(budgets.cells(families), wrapped="schedule")
    terminal.say(*(f"{each.family}: {each.remark}" for each in families if each.remark))
    terminal.say("", "To try first, with less of the batch at w: sssam.recommended(budget).")
    terminal.say(*(line for path in paths for line in ("", f"The plot: {path}")))
    return 0
