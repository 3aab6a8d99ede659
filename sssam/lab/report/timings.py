"""Measured seconds of variants -> cells of a table, and what stands under it."""

from collections.abc import Sequence

from sssam.lab.report.text import Cell, counted, number
from sssam.lab.training.timing import Timed


def cells(found: Sequence[Timed]) -> list[list[Cell]]:
    """Passes and seconds of whole runs, in those of the base's; a line a variant."""
    lines = list[list[Cell]]()
    for run, timing, passes in found:
        length = run.epochs / run.task.epochs
        ends = f"[{length * timing.low:.2f}, {length * timing.high:.2f}]"
        lines.append(
            [
                Cell("variant", run.method.label),
                number("passes", length * passes, "{:.3f}"),
                number("seconds", length * timing.ratio, "{:.2f}", note=ends),
                number("ms a step", timing.seconds * 1e3, "{:.3g}"),
            ]
        )
    return lines


def sentence(found: Sequence[Timed]) -> str:
    """What the numbers are, where they were measured, and which of them say little."""
    first = found[0].timing
    made = first.environment
    text = (
        "Passes and seconds of a whole run, in those of the base's run: medians over "
        f"{counted(first.blocks, 'block')} of {counted(first.steps, 'step')}, on {made.processor}, "
        f"{made.device}, {counted(made.threads, 'thread')}, torch {made.versions['torch']}. In "
        "brackets 95% intervals. Plain and sharpness-aware steps are weighted as the schedule "
        "expects them; early stopping is not foreseen."
    )
    noisy = [each.run.method.label for each in found if not each.timing.steady]
    if noisy:
        which = "every variant" if len(noisy) == len(found) else ", ".join(noisy)
        text += (
            f" The clock was too noisy to state a price of {which}, with an interval wider than "
            "10%: measure again while nothing else runs."
        )
    return text
