"""How much depends on rho: what each radius that was tried reached on validation data."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import altair as alt

from sssam.lab import tuned
from sssam.lab.comparison.values import Variant
from sssam.lab.report.curves import REACH
from sssam.lab.report.scales import accuracies
from sssam.lab.report.series import Key
from sssam.lab.report.theme import PLAIN, PRINT, Theme, Width, finish, heading, over

HEIGHT = 340
TITLE = "validation accuracy, %"


def sensitivity(
    values: tuned.Tuned,
    rows: Sequence[Variant],
    theme: Theme = PRINT,
    width: Width = 760,
    narrow: bool = False,
) -> alt.LayerChart:
    """One line a row: mean validation accuracy at each rho of the grid, the chosen one marked.

    The key ranks the rows by what their chosen rho reached.

    Args:
        values: what was tried for the task.
        rows: of the comparison; those that do not run at a rho chosen there have no line.
        theme: colours and type.
        width: in pixels, or "container".
        narrow: the layout for telephones.

    Raises:
        ValueError: none of the rows was tuned.
    """
    shown = tuned_rows(values, rows)
    if not shown:
        raise ValueError("no row of the comparison was tuned, so there is no rho to compare")
    key = _key(shown, rows)
    data = [point | {"key": key.named[row.label]} for row in shown for point in _points(row)]
    scaled = accuracies([point["value"] for point in data], HEIGHT)
    data = [point | {"height": h} for point, h in zip(data, scaled.heights, strict=True)]
    y = alt.Y("height:Q", scale=scaled.scale, axis=heading(TITLE, **scaled.axis))
    layers = _layers(data, key, y, theme, narrow)
    return finish(layers, theme, width, HEIGHT if narrow else key.height(HEIGHT))


def tuned_rows(values: tuned.Tuned, rows: Sequence[Variant]) -> list[tuned.Row]:
    """The rows of the comparison that run at the rho that was chosen for them, in its order."""
    chosen = {(row.label, row.rho): row for row in values.rows if row.rho > 0}
    keys = [(row.label, row.method.rho) for row in rows]
    return [chosen[key] for key in keys if key in chosen]


def _key(shown: Sequence[tuned.Row], rows: Sequence[Variant]) -> Key:
    best = {row.label: max(s.mean for s in row.scores if s.rho == row.rho) for row in shown}
    ranked = sorted(best, key=lambda label: -best[label])
    return Key(rows, {label: f"{100 * best[label]:.1f}  {label}" for label in ranked})


def _points(row: tuned.Row) -> list[dict[str, Any]]:
    return [
        {
            "label": row.label,
            "rho": score.rho,
            "value": round(100 * score.mean, 3),
            "error": round(100 * score.spread / sqrt(score.n), 3),
            "chosen": score.rho == row.rho,
            "diverged": score.diverged,
            "seeds": score.n,
        }
        for score in _best(row.scores)
    ]


def _best(scores: Sequence[tuned.Score]) -> list[tuned.Score]:
    """The radii from small to large, each once: at the best of the other values tried there."""
    ranked = sorted(scores, key=lambda score: score.mean)
    by_rho = {score.rho: score for score in ranked if score.rho > 0}
    return [by_rho[rho] for rho in sorted(by_rho)]


def _layers(
    data: list[dict[str, Any]],
    key: Key,
    y: alt.Y,
    theme: Theme,
    narrow: bool,
) -> list[alt.Chart]:
    hover = alt.selection_point(name="hovered", on="pointerover", fields=["label"])
    common = {
        "x": _x(sorted({point["rho"] for point in data})),
        "y": y,
        "color": key.colour(theme, narrow),
        "opacity": alt.condition(hover, alt.value(1.0), alt.value(0.15)),
    }
    lines = over(data).mark_line(strokeWidth=1.8).encode(**common, strokeDash=key.dash(narrow))
    chosen = over([point for point in data if point["chosen"]])
    dots = chosen.mark_point(filled=True, size=80).encode(**common)
    reach = (
        over(data).mark_point(filled=True, size=REACH).encode(**common | {"opacity": alt.value(0)})
    )
    return [lines, dots, reach.encode(tooltip=_tooltip()).add_params(hover)]


def _x(grid: Sequence[float]) -> alt.X:
    axis = alt.Axis(grid=False, values=list(grid), labelOverlap="greedy", labelExpr=PLAIN)
    title = "\N{GREEK SMALL LETTER RHO}, the radius of the perturbation"
    return alt.X("rho:Q", title=title, scale=alt.Scale(type="log", nice=False), axis=axis)


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("label:N", title="variant"),
        alt.Tooltip("rho:Q", title="rho", format="~g"),
        alt.Tooltip("value:Q", title=TITLE, format=".2f"),
        alt.Tooltip("error:Q", title="standard error", format=".2f"),
        alt.Tooltip("diverged:Q", title="diverged"),
        alt.Tooltip("seeds:Q", title="seeds"),
    ]
