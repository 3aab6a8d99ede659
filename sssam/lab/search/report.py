"""What was found, as a table and as a figure: with how many trials and seeds."""

import statistics
from pathlib import Path
from typing import Any

import altair as alt
from rich.table import Table

from sssam.lab.report.files import save
from sssam.lab.report.theme import PRINT, Theme, Width, across, finish, over, tips, up
from sssam.lab.search.results import Candidate, Results, Searched
from sssam.runtime.files import write_whole

_HEIGHT, _SCALE = 380, alt.Scale(zero=False, padding=20)


def write(results: Results, folder: Path) -> list[Path]:
    """Writes `search.json`, and `front.svg` if a trial is complete; their paths.

    Raises:
        OSError: the folder can't be written.
    """
    path = folder / "search.json"
    write_whole(path, results.model_dump_json().encode() + b"\n")
    drawn = save(front(results), folder / "front.svg") if results.front() else []
    return [path, *drawn]


def table(results: Results) -> Table:
    """The best of each search, a line each; a star marks the Pareto front."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    made.caption, made.caption_justify = "* on the Pareto front over budgets", "left"
    for name in ("budget", "validation", "s, points", "trials", "rho", "schedule"):
        made.add_column(name, overflow="fold")
    front = {budget for budget, _ in results.front()}
    for each in results.searches:
        best, budget = each.best(), each.design.budget
        reached, spread, *method = ("none", "", "", "") if best is None else _cells(best)
        star = "*" if budget in front else ""
        made.add_row(f"{budget:g}{star}", reached, spread, _ends(each), *method)
    return made


def _cells(best: Candidate) -> tuple[str, str, str, str]:
    method = best.method
    fraction = method.ascent_fraction
    part = "" if fraction == 1 else f", ascents on {fraction:g} of a batch"
    spread = f"{100 * statistics.stdev(best.scores):.2f}" if len(best.scores) > 1 else ""
    lost = f", runs diverged: {best.diverged}" if best.diverged else ""
    schedule = repr(method.scheduling_function()) + part
    return f"{100 * best.mean:.2f}%{lost}", spread, method.radius, schedule


def _ends(searched: Searched) -> str:
    numbers = {end: searched.number(end) for end in ("complete", "pruned", "failed")}
    ends = ", ".join(f"{number} {end}" for end, number in numbers.items() if number) or "none"
    diverged = sum(candidate.diverged > 0 for candidate in searched.candidates)
    return f"{ends}; {diverged} diverged" if diverged else ends


def front(results: Results, theme: Theme = PRINT, width: Width = 760) -> alt.LayerChart:
    """Validation accuracy against propagations: complete trials, and the front as steps.

    Raises:
        ValueError: no trial is complete.
    """
    points: list[dict[str, Any]] = [
        {
            "x": each.design.budget,
            "y": 100 * candidate.mean,
            "family": candidate.family,
            "rho": candidate.method.rho,
        }
        for each in results.searches
        for candidate in each.candidates
        if candidate.end == "complete"
    ]
    if not points:
        raise ValueError("no trial is complete, so there is nothing to plot: search on")
    steps = [{"x": budget, "y": 100 * best.mean} for budget, best in results.front()]
    ends = ", ".join(f"{step['y']:.2f}% at {step['x']:g}" for step in steps)
    budgets = [each.design.budget for each in results.searches]
    x = across("x", "propagations a step", _SCALE, values=budgets)
    y = up("y", "validation accuracy, %", _SCALE)
    line = over(steps).mark_line(interpolate="step-after", color=theme.muted, strokeWidth=1.4)
    dots = over(points).mark_point(size=60, strokeWidth=1.6, color=theme.roles["scheduled"])
    tooltip = tips({"family:N": "family", "rho:Q": "rho", "y:Q .2f": "validation accuracy, %"})
    layers = [line.encode(x=x, y=y), dots.encode(x=x, y=y, tooltip=tooltip)]
    return finish(layers, theme, width, _HEIGHT).properties(
        description=f"Scatter plot of validation accuracy against propagations a step, "
        f"{len(points)} trials. On the front: {ends}."
    )
