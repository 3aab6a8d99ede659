"""`python docs/fine_tuning.py` draws what the studies of fine-tuning found: README's picture."""

from pathlib import Path
from typing import Any

import altair as alt

from sssam.lab.comparison.values import Comparison
from sssam.lab.report.files import svg
from sssam.lab.report.theme import PRINT, ROLES, across, finish, over, tips

PICTURE = Path(__file__).parent / "fine-tuning.svg"
STUDIES = Path(__file__).resolve().parents[1] / "studies" / "evidence"
#: The folders, and what is learned.
TASKS = {
    "fine-tune-averages": "images",
    "fine-tune-swapped": "images, classes exchanged",
    "glosses": "text: kinds of nouns",
    "verbs": "text: kinds of verbs",
    "sequences-long": "sequences",
    "sequences": "sequences, training cut short",
}
#: The variants by their labels, what they are called, and their colours.
SERIES = {
    "late half 1/8, EMA": ("late half 1/8 with EMA: 1.06 passes", ROLES["part"]),
    "base EMA": ("base with EMA: 1 pass", ROLES["control"]),
    "SAM": ("SAM: 2 passes", ROLES["sam"]),
    "base 2x length": ("base, twice the training: 2 passes", ROLES["scheduled"]),
}


def points() -> list[dict[str, Any]]:
    """The reduction of the error of each variant on each task, in percent of the base's errors."""
    found = []
    for folder, task in TASKS.items():
        comparison = Comparison.model_validate_json(
            (STUDIES / folder / "comparison.json").read_bytes()
        )
        base = comparison.base
        assert base is not None
        assert base.accuracy is not None
        for variant in comparison.variants:
            if variant.label in SERIES and variant.to_base is not None:
                part = variant.to_base.scaled(100 / (100 - base.accuracy.mean))
                values = {"mean": part.mean, "low": part.low, "high": part.high}
                found.append({"task": task, "series": SERIES[variant.label][0], **values})
    return found


def chart() -> alt.LayerChart:
    """A row a task, and in it a point with its interval for each variant."""
    data = points()
    names, colours = zip(*SERIES.values(), strict=True)
    scale = alt.Scale(domain=list(names), range=list(colours))
    legend = alt.Legend(orient="top", columns=2, symbolSize=90, labelLimit=320)
    rows = alt.Y("task:N", sort=list(TASKS.values()), title=None, axis=alt.Axis(labelFontSize=14))
    title = "fewer errors than the tuned base, in percent of its errors, with 95% intervals"
    x = across("mean", title, alt.Scale(domain=[-20, 33], nice=False), grid=True)
    fields = {"task:N": "task", "series:N": "variant", "mean:Q .1f": "percent"}
    drawn = over(data).encode(
        x=x,
        y=rows,
        yOffset=alt.YOffset("series:N", sort=list(names)),
        color=alt.Color("series:N", scale=scale, legend=legend),
        tooltip=tips(fields),
    )
    zero = over([{"mean": 0}]).mark_rule(color=PRINT.muted).encode(x=x)
    layers = [
        zero,
        drawn.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title), x2="high:Q"),
        drawn.mark_point(filled=True, size=70, opacity=1),
    ]
    said = "; ".join(f"{p['task']}, {p['series']} {p['mean']:+.1f}" for p in data)
    described: alt.LayerChart = finish(layers, PRINT, 820, 420).properties(
        description=f"Reduction of the error in percent of the tuned base's errors: {said}."
    )
    return described


def picture() -> bytes:
    """As a file."""
    return svg(chart()).encode()


if __name__ == "__main__":
    PICTURE.write_bytes(picture())
