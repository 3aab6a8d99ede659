"""Every tooltip reads the point under the pointer: its fields are in the data of its mark."""

import re
from typing import Any

import pytest
import vl_convert
from made import made

from sssam.lab.report.figures import figures

CHARTS = {figure.name: figure.chart() for figure in figures(made())}


def marks(group: dict[str, Any]) -> list[dict[str, Any]]:
    """All marks of a Vega specification that show a tooltip."""
    found = list[dict[str, Any]]()
    for mark in group.get("marks", ()):
        if "tooltip" in mark.get("encode", {}).get("update", {}):
            found.append(mark)
        found += marks(mark)
    return found


@pytest.mark.parametrize("name", CHARTS)
def test_the_name_in_a_tooltip_is_that_of_the_point(name: str) -> None:
    """A mark of Vega's nearest points holds the point one level deeper, which the name misses."""
    shown = marks(vl_convert.vegalite_to_vega(CHARTS[name].to_dict()))
    assert shown
    for mark in shown:
        assert "isVoronoi" not in mark["encode"]["update"]
        signal = mark["encode"]["update"]["tooltip"]["signal"]
        assert re.search(r'isValid\(datum\["label"\]\)', signal)


@pytest.mark.parametrize("name", CHARTS)
def test_a_line_has_no_tooltip_of_its_first_point(name: str) -> None:
    """A line or an area is one mark, whose tooltip would show its first point everywhere."""
    for mark in marks(vl_convert.vegalite_to_vega(CHARTS[name].to_dict())):
        assert mark["type"] not in ("line", "area")


@pytest.mark.parametrize("name", CHARTS)
def test_the_fields_of_a_tooltip_are_in_the_data(name: str) -> None:
    chart = CHARTS[name].to_dict()
    for layer in chart["layer"]:
        fields = [each["field"] for each in layer["encoding"].get("tooltip", [])]
        data = chart["datasets"][(layer.get("data") or chart["data"])["name"]]
        assert all(field in point for field in fields for point in data)
