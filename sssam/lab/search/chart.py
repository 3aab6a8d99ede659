"""The figure of a search: every trial over its budget, and the front through the bests."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from sssam.lab.report.theme import PRINT, Theme, Width, finish, heading, over
from sssam.lab.search.findings import Candidate, Findings

_HEIGHT = 380
#: The roles whose colours the samplers take.
_ROLES = {"tpe": "scheduled", "random": "sam"}


def front(findings: Findings, theme: Theme = PRINT, width: Width = 760) -> alt.LayerChart:
    """Validation accuracy against propagations: complete trials, and the front as steps.

    The two samplers of a budget stand beside each other.

    Raises:
        ValueError: no trial is complete.
    """
    trials = [
        (found.design.budget, found.design.sampler, candidate)
        for found in findings.searches
        for candidate in found.candidates
        if candidate.end == "complete"
    ]
    if not trials:
        raise ValueError("no trial is complete, so there is nothing to plot: search on")
    bests = findings.front()
    means = [100 * c.mean for *_, c in trials] + [100 * c.mean for _, c in bests]
    scale = alt.Scale(domain=[min(means) - 0.5, max(means) + 0.5], nice=False, zero=False)
    y = alt.Y("y:Q", scale=scale, axis=heading("validation accuracy, %"))
    aside = 0.012 * (findings.budgets[-1] - findings.budgets[0] or 1)
    points = [
        _point(budget + (aside if sampler == "random" else -aside), y, sampler, candidate)
        for (budget, sampler, candidate), y in zip(trials, means, strict=False)
    ]
    steps = [
        {"x": budget, "y": y} for (budget, _), y in zip(bests, means[len(trials) :], strict=True)
    ]
    x = _x(findings.budgets, aside)
    layers = [_dots(points, theme, x, y)]
    if len(steps) > 1:
        line = over(steps).mark_line(interpolate="step-after", color=theme.muted, strokeWidth=1.4)
        layers.insert(0, line.encode(x=x, y=y))
    return finish(layers, theme, width, _HEIGHT).properties(description=_words(len(trials), bests))


def _words(trials: int, bests: Sequence[tuple[float, Candidate]]) -> str:
    """The figure in words, for who can't see it."""
    ends = ", ".join(f"{100 * best.mean:.2f}% at {budget:g}" for budget, best in bests)
    return (
        f"Scatter plot of validation accuracy against propagations a step, {trials} trials. "
        f"On the front: {ends}."
    )


def _x(budgets: list[float], aside: float) -> alt.X:
    domain = [budgets[0] - 4 * aside, budgets[-1] + 4 * aside]
    axis = alt.Axis(values=budgets, format=".4~g", grid=False)
    scale = alt.Scale(domain=domain, nice=False, zero=False)
    return alt.X("x:Q", title="propagations a step", scale=scale, axis=axis)


def _point(x: float, y: float, sampler: str, candidate: Candidate) -> dict[str, Any]:
    rho = 0.0 if candidate.method is None else candidate.method.rho
    mean = 100 * candidate.mean
    row = {"x": x, "y": y, "sampler": sampler, "family": candidate.family}
    return {**row, "rho": rho, "mean": mean, "number": candidate.number}


def _dots(points: list[dict[str, Any]], theme: Theme, x: alt.X, y: alt.Y) -> alt.Chart:
    scale = alt.Scale(domain=list(_ROLES), range=[theme.roles[role] for role in _ROLES.values()])
    dots: alt.Chart = (
        over(points)
        .mark_point(filled=True, size=60, opacity=0.65)
        .encode(
            x=x,
            y=y,
            color=alt.Color("sampler:N", scale=scale, legend=alt.Legend(orient="bottom")),
            shape=alt.Shape("sampler:N", scale=alt.Scale(domain=list(_ROLES))),
            tooltip=[
                "sampler:N",
                "number:Q",
                "family:N",
                "rho:Q",
                alt.Tooltip("mean:Q", format=".2f"),
            ],
        )
    )
    return dots
