"""What was found, as a table: with how many trials and seeds."""

import statistics
from pathlib import Path

from sssam.lab.report.cells import EMPTY, Cell
from sssam.lab.search.results import Candidate, Results, Searched
from sssam.runtime.files import write_whole


def write(results: Results, folder: Path) -> Path:
    """Writes `search.json`; its path.

    Raises:
        OSError: the folder can't be written.
    """
    path = folder / "search.json"
    write_whole(path, results.model_dump_json().encode() + b"\n")
    return path


def cells(results: Results) -> list[list[Cell]]:
    """The best of each search, a line each; a star marks the Pareto front over budgets."""
    front = {budget for budget, _ in results.front()}
    return [_cells(each, each.design.budget in front) for each in results.searches]


def _cells(searched: Searched, on_front: bool) -> list[Cell]:
    best = searched.best()
    return [
        Cell("budget", f"{searched.design.budget:g}{'*' if on_front else ''}"),
        Cell("validation", EMPTY if best is None else _reached(best), best="high"),
        Cell("s, points", EMPTY if best is None else _spread(best), best="low"),
        Cell("trials", _ends(searched)),
        Cell("rho", EMPTY if best is None else best.method.radius),
        Cell("schedule", EMPTY if best is None else _schedule(best)),
    ]


def _reached(best: Candidate) -> str:
    diverged = f", runs diverged: {best.diverged}" if best.diverged else ""
    return f"{100 * best.mean:.2f}%{diverged}"


def _spread(best: Candidate) -> str:
    return f"{100 * statistics.stdev(best.scores):.2f}" if len(best.scores) > 1 else EMPTY


def _schedule(best: Candidate) -> str:
    fraction = best.method.ascent_fraction
    part = "" if fraction == 1 else f", ascents on {fraction:g} of a batch"
    return f"{best.method.scheduling_function()!r}{part}"


def _ends(searched: Searched) -> str:
    numbers = {end: searched.number(end) for end in ("complete", "pruned", "failed")}
    ends = ", ".join(f"{number} {end}" for end, number in numbers.items() if number) or "none"
    diverged = sum(candidate.diverged > 0 for candidate in searched.candidates)
    return f"{ends}; {diverged} diverged" if diverged else ends
