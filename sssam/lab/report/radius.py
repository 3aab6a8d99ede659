"""The rise of the loss against the radius, at several points of a run."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from sssam.lab.report.lines import HEIGHT, REACH
from sssam.lab.report.theme import PLAIN, PRINT, Theme, Width, finish, heading, over, tips
from sssam.lab.training.radius import RADII, Rises

#: Rises below this are rounding on a logarithmic axis, those above ten say nothing more.
FLOOR, CEILING = 1e-3, 10.0


def rises(
    points: Sequence[Rises],
    rise: float,
    rho: float | None,
    theme: Theme = PRINT,
    width: Width = 760,
) -> alt.LayerChart:
    """One line a point of the run, both axes logarithmic; the suggested radius where they cross.

    Args:
        points: what was measured.
        rise: the rise that the suggestion is read off at.
        rho: the suggestion; None where there is none.
    """
    data = [row for point in points for row in _rows(point)]
    shades = alt.Color("run:N", scale=alt.Scale(scheme="blues"), sort=None, legend=_legend(theme))
    x, y = _axes()
    chart = over(data).encode(x=x, y=y, detail="run:N")
    titles = {"run:N": "of the run", "rho:Q ~g": "rho", "rise:Q .3~g": "rise"}
    layers = [
        chart.mark_line(strokeWidth=1.8, clip=True).encode(color=shades),
        chart.mark_point(size=REACH, clip=True).encode(opacity=alt.value(0), tooltip=tips(titles)),
        over([{"rise": rise}]).mark_rule(strokeDash=[4, 4], color=theme.muted).encode(y=y),
    ]
    if rho is not None:
        at = over([{"rho": rho, "rise": rise}]).encode(x=x, y=y)
        layers.append(at.mark_point(filled=True, size=90, color=theme.roles["scheduled"]))
    found = "no radius" if rho is None else f"rho {rho:.2g}"
    said = f"Line plot of the rise of the loss against rho; it rises by {rise:g} at {found}."
    described: alt.LayerChart = finish(layers, theme, width, HEIGHT).properties(description=said)
    return described


def _axes() -> tuple[alt.X, alt.Y]:
    x = alt.X(
        "rho:Q",
        title="\N{GREEK SMALL LETTER RHO}, the radius of the perturbation",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(grid=False, labelExpr=PLAIN, values=list(RADII)),
    )
    scale = alt.Scale(type="log", domain=[FLOOR, CEILING], nice=False)
    decades = heading("rise of the loss", labelExpr=PLAIN, values=[0.001, 0.01, 0.1, 1, 10])
    return x, alt.Y("rise:Q", scale=scale, axis=decades)


def _rows(point: Rises) -> list[dict[str, Any]]:
    return [
        {"run": f"{point.share:.0%}", "rho": rho, "rise": float(f"{rise:.4g}")}
        for rho, rise in zip(RADII, point.rises, strict=True)
        if FLOOR <= rise <= CEILING
    ]


def _legend(theme: Theme) -> alt.Legend | None:
    return alt.Legend(title="of the run", symbolType="stroke") if theme.legend else None
