"""A chart as a file: vectors or pixels, drawn without a browser and without a network."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.sax.saxutils import quoteattr

import altair as alt
import vl_convert

from sssam.runtime.files import write_whole

#: The version of Vega-Lite that the files and the page are drawn with.
VEGA_LITE = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
#: Points of paper for a pixel of a chart: one of 760 is 7.6 inches wide, and its letters 9 points.
_POINTS = 0.72


def _on_paper(drawn: str) -> str:
    """The drawing as large as it is to be on paper; the converter takes a pixel for a point."""
    sides = r'\b(width|height)="([\d.]+)"'  # they come first in an SVG
    return re.sub(sides, lambda side: f'{side[1]}="{_POINTS * float(side[2]):g}"', drawn, count=2)


#: From an SVG to the kinds of file, by their endings; a PNG has 300 pixels in an inch.
KINDS: Mapping[str, Callable[[str], bytes]] = {
    ".svg": str.encode,
    ".pdf": lambda drawn: bytes(vl_convert.svg_to_pdf(_on_paper(drawn))),
    ".png": lambda drawn: bytes(vl_convert.svg_to_png(drawn, scale=_POINTS, ppi=300)),
}


def svg(chart: alt.LayerChart) -> str:
    """The chart as SVG, with its description, which the converter drops, to be read aloud."""
    specification = chart.to_dict()
    drawn = str(vl_convert.vegalite_to_svg(specification, vl_version=VEGA_LITE))
    words = f' role="img" aria-label={quoteattr(specification.get("description", ""))}>'
    return drawn.replace(">", words, 1) if "description" in specification else drawn


def save(chart: alt.LayerChart, *paths: Path) -> list[Path]:
    """Writes the chart as SVG, PDF or PNG, by the endings of `paths`, drawn once; returns them.

    Raises:
        OSError: a file could not be written.
    """
    drawn = svg(chart)
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, KINDS[path.suffix.lower()](drawn))
    return list(paths)
