"""`sssam plan`."""

from pathlib import Path

from sssam.lab.cli.options import Strength
from sssam.lab.cli.refusals import refusing


def plan(
    *,
    budget: float = 1.5,
    total_steps: int = 1000,
    rho: float = 0.05,
    strength: Strength = "fixed",
    out: Path | None = None,
) -> int:
    """See what each family of schedules would do at a budget, before paying for it.

    Args:
        budget: Propagations a step: 1 is the base optimizer, 2 is SAM.
        total_steps: Steps of the run, at least 1.
        rho: Radius of the perturbation.
        strength: Strength rho makes up for skipped steps: fixed, per-step (rho / p) or total.
        out: File for the plot, ending in .svg, .pdf or .png.
    """
    from rich.text import Text

    from sssam.lab.cli import terminal
    from sssam.lab.report import files
    from sssam.lab.report.schedules import schedules
    from sssam.lab.studies import plan as planning

    output, _ = terminal.consoles()
    with refusing():
        plans = planning.plan(budget, total_steps, rho, strength)
        drawn = planning.bands(plans, total_steps)
        if out is not None:
            files.save(schedules(drawn), out)
    output.print(planning.rendered(plans, total_steps, output.encoding))
    if out is not None:
        output.print(Text(f"\nThe plot: {out}"), soft_wrap=True)
    return 0
