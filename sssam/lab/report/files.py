"""A chart as a file: vectors or pixels, drawn without a browser and without a network."""

import re
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import quoteattr

import altair as alt
import vl_convert

from sssam.runtime.files import write_whole

#: The version of Vega-Lite that the files and the page are drawn with.
VEGA_LITE = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])

#: The kinds of file of a figure: two of vectors, and pixels for what takes no vectors.
Kind = Literal["svg", "pdf", "png"]
KINDS: tuple[Kind, ...] = ("svg", "pdf", "png")
#: Points of paper for a pixel of a chart: one of 760 is 7.6 inches wide, and its letters 9 points.
_POINTS = 0.72
#: Pixels of a PNG in an inch.
_DENSITY = 300
#: The sides of an SVG, which come first in it.
_SIDE = re.compile(r'\b(width|height)="([\d.]+)"')


def render(chart: alt.LayerChart, kind: Kind) -> bytes:
    """The chart as a file's content; an SVG has the chart's description in it."""
    return rendered(chart, kind)[kind]


def rendered(chart: alt.LayerChart, *kinds: Kind) -> dict[Kind, bytes]:
    """The chart as each of these kinds of file, drawn once for all of them."""
    specification = chart.to_dict()
    drawn = vl_convert.vegalite_to_svg(specification, vl_version=VEGA_LITE)
    svg = _described(drawn, specification.get("description", ""))
    return {kind: _as(kind, svg) for kind in kinds}


def _as(kind: Kind, svg: str) -> bytes:
    if kind == "pdf":
        return bytes(vl_convert.svg_to_pdf(_on_paper(svg)))
    if kind == "png":
        return bytes(vl_convert.svg_to_png(svg, scale=_POINTS, ppi=_DENSITY))
    return svg.encode()


def _on_paper(svg: str) -> str:
    """The drawing as large as it is to be on paper; the converter takes a pixel for a point."""
    return _SIDE.sub(lambda side: f'{side[1]}="{_POINTS * float(side[2]):g}"', svg, count=2)


def _described(svg: str, description: str) -> str:
    """The converter drops the description, which is read aloud to those who can't see."""
    words = f' role="img" aria-label={quoteattr(description)}>'
    return svg.replace(">", words, 1) if description else svg


def save(chart: alt.LayerChart, path: Path) -> Path:
    """Writes the chart as SVG, PDF or PNG, by the ending of `path`, and returns the path.

    Raises:
        ValueError: another ending.
        OSError: the file could not be written.
    """
    content = render(chart, kind(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return path


def kind(path: Path) -> Kind:
    """The kind of file that a path's ending names.

    Raises:
        ValueError: another ending.
    """
    kinds: dict[str, Kind] = {f".{each}": each for each in KINDS}
    ending = path.suffix.lower()
    if ending not in kinds:
        raise ValueError(f"the figure's file is {str(path)!r}, but must end in .svg, .pdf or .png")
    return kinds[ending]
