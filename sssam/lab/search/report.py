"""What was found, as a table, in words and as a figure: with how many trials and seeds."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
from rich.table import Table

from sssam.lab import stats
from sssam.lab.comparison.values import Comparison
from sssam.lab.report.files import save
from sssam.lab.report.text import counted
from sssam.lab.report.theme import PRINT, Theme, Width, finish, heading, over
from sssam.lab.search.results import Candidate, Results, Searched
from sssam.lab.stats import Interval
from sssam.runtime.files import write_whole

_HEIGHT, _SCALE = 380, alt.Scale(zero=False, padding=20)
#: The roles whose colours the samplers take.
_ROLES = {"tpe": "scheduled", "random": "sam"}


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
    for name in ("budget", "sampler", "validation", "s, points", "trials", "rho", "schedule"):
        made.add_column(name, overflow="fold")
    front = [candidate for _, candidate in results.front()]
    for each in results.searches:
        best = each.best()
        star = "*" if any(best is candidate for candidate in front) else ""
        reached, spread, *method = ("none", "", "", "") if best is None else _cells(best)
        made.add_row(
            f"{each.design.budget:g}{star}",
            each.design.sampler,
            reached,
            spread,
            _ends(each),
            *method,
        )
    return made


def _cells(best: Candidate) -> tuple[str, str, str, str]:
    method = best.method
    fraction = method.ascent_fraction
    part = "" if fraction == 1 else f", ascents on {fraction:g} of a batch"
    spread = f"{100 * statistics.stdev(best.scores):.2f}" if len(best.scores) > 1 else ""
    schedule = repr(method.scheduling_function()) + part
    return _reached(best), spread, method.radius, schedule


def _reached(candidate: Candidate) -> str:
    """The mean accuracy, and in how many runs it is no accuracy of a trained model."""
    lost = f", runs diverged: {candidate.diverged}" if candidate.diverged else ""
    return f"{100 * candidate.mean:.2f}%{lost}"


def _ends(searched: Searched) -> str:
    numbers = {end: searched.number(end) for end in ("complete", "pruned", "failed")}
    ends = ", ".join(f"{number} {end}" for end, number in numbers.items() if number) or "none"
    diverged = sum(candidate.diverged > 0 for candidate in searched.candidates)
    return f"{ends}; {diverged} diverged" if diverged else ends


def progress(results: Results) -> list[str]:
    """A line on each search that is under way."""
    lines = []
    for each in results.searches:
        trials, best = counted(len(each.candidates), "trial"), each.best()
        reached = f", best {_reached(best)} ({best.family})" if best else ""
        lines.append(f"{each.design.budget:g} {each.design.sampler}: {trials}{reached}")
    return lines


def sentences(results: Results) -> list[str]:
    """TPE's best beside that of random search with as many trials, at each budget."""
    lines = []
    for budget in results.budgets:
        found, random = results.at(budget, "tpe"), results.at(budget, "random")
        best, other = (each and each.best() for each in (found, random))
        if found and random and best and other:
            pairs = zip(best.scores, other.scores, strict=True)
            difference = stats.interval([100 * (mine - theirs) for mine, theirs in pairs])
            lines.append(
                f"At {budget:g} propagations the best of {len(found.candidates)} TPE trials "
                f"reached {_reached(best)} ({best.family}) on {len(best.scores)} validation seeds, "
                f"that of {len(random.candidates)} random trials {_reached(other)} "
                f"({other.family}): {_points(difference)}. Both were chosen for being the best: "
                "fresh seeds tell more (--confirm)."
            )
    return lines


def _points(difference: Interval) -> str:
    points = f"{difference.mean:+.1f} points, paired"
    if difference.low is None or difference.high is None:
        return points
    low, high = f"{difference.low:+.1f}", f"{difference.high:+.1f}"
    return f"{points} (95% interval {low} to {high}, n = {difference.n})"


def fresh(comparison: Comparison, budgets: Sequence[float]) -> list[str]:
    """TPE's best against that of random search on a comparison's seeds and test set."""
    lines = []
    for budget in budgets:
        found, random = (
            next(
                (v for v in comparison.variants if v.label.startswith(f"{word} {budget:g} (")), None
            )
            for word in ("found", "random")
        )
        if found and random and found.runs.finished and random.runs.finished:
            seeds = found.accuracies.keys() & random.accuracies.keys()
            apart = stats.interval([found.accuracies[s] - random.accuracies[s] for s in seeds])
            lines.append(
                f"On fresh seeds and the test set, at {budget:g}: {found.label} less "
                f"{random.label} is {_points(apart)}."
            )
    return lines


def front(results: Results, theme: Theme = PRINT, width: Width = 760) -> alt.LayerChart:
    """Validation accuracy against propagations: complete trials, and the front as steps.

    Raises:
        ValueError: no trial is complete.
    """
    points: list[dict[str, Any]] = [
        {
            "x": each.design.budget,
            "y": 100 * candidate.mean,
            "sampler": each.design.sampler,
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
    ticks = alt.Axis(values=results.budgets, format=".4~g", grid=False)
    x = alt.X("x:Q", title="propagations a step", scale=_SCALE, axis=ticks)
    y = alt.Y("y:Q", scale=_SCALE, axis=heading("validation accuracy, %"))
    line = over(steps).mark_line(interpolate="step-after", color=theme.muted, strokeWidth=1.4)
    layers = [line.encode(x=x, y=y), _dots(points, theme).encode(x=x, y=y)]
    return finish(layers, theme, width, _HEIGHT).properties(
        description=f"Scatter plot of validation accuracy against propagations a step, "
        f"{len(points)} trials. On the front: {ends}."
    )


def _dots(points: list[dict[str, Any]], theme: Theme) -> alt.Chart:
    scale = alt.Scale(domain=list(_ROLES), range=[theme.roles[role] for role in _ROLES.values()])
    dots: alt.Chart = over(points).mark_point(size=60, strokeWidth=1.6)
    return dots.encode(
        color=alt.Color("sampler:N", scale=scale, legend=alt.Legend(orient="bottom")),
        shape=alt.Shape("sampler:N", scale=alt.Scale(domain=list(_ROLES))),
        tooltip=["sampler:N", "family:N", "rho:Q", alt.Tooltip("y:Q", format=".2f")],
    )
