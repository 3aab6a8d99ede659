"""What was found, as a table: with how many trials and seeds."""

import statistics
from pathlib import Path

from sssam.lab.report.cells import EMPTY, Cell
from sssam.lab.search.results import Results, Searched
from sssam.runtime.files import write_whole


def write(results: Results, folder: Path) -> Path:
    """Writes `search.json`; its path."""
    path = folder / "search.json"
    write_whole(path, results.model_dump_json().encode() + b"\n")
    return path


def cells(results: Results) -> list[list[Cell]]:
    """The best of each search, a line each; a star marks the Pareto front over budgets."""
    front = {budget for budget, _ in results.front()}
    return [_cells(each, each.design.budget in front) for each in results.searches]


def _cells(searched: Searched, on_front: bool) -> list[Cell]:
    best, reached, spread, rho, schedule = searched.best(), EMPTY, EMPTY, EMPTY, EMPTY
    if best is not None:
        diverged = f", runs diverged: {best.diverged}" if best.diverged else ""
        reached, rho = f"{100 * best.mean:.2f}%{diverged}", best.method.radius
        if len(best.scores) > 1:
            spread = f"{100 * statistics.stdev(best.scores):.2f}"
        fraction = best.method.ascent_fraction
        part = "" if fraction == 1 else f", ascents on {fraction:g} of a batch"
        schedule = f"{best.method.scheduling_function()!r}{part}"
    return [
        Cell("budget", f"{searched.design.budget:g}{'*' if on_front else ''}"),
        Cell("validation", reached, best="high"),
        Cell("s, points", spread, best="low"),
        Cell("trials", _ends(searched)),
        Cell("rho", rho),
        Cell("schedule", schedule),
    ]


def _ends(searched: Searched) -> str:
    numbers = {end: searched.number(end) for end in ("complete", "pruned", "failed")}
    ends = ", ".join(f"{number} {end}" for end, number in numbers.items() if number) or "none"
    diverged = sum(candidate.diverged > 0 for candidate in searched.candidates)
    return f"{ends}; {diverged} diverged" if diverged else ends
