"""Every tooltip reads the point under the pointer: its fields are in the data of its layer."""

import re
from typing import Any

import pytest
import vl_convert
from synthetic import METHODS, TASK, records

from sssam.lab.comparison.compare import compare
from sssam.lab.report.figures import figures

COMPARISON = compare(TASK, METHODS, range(6), records(seeds=range(6)))
FIGURES = {figure.name: figure for figure in figures(COMPARISON)}


def marks(group: dict[str, Any]) -> list[dict[str, Any]]:
    """All marks of a Vega specification that show a tooltip."""
    found = list[dict[str, Any]]()
    for mark in group.get("marks", ()):
        if "tooltip" in mark.get("encode", {}).get("update", {}):
            found.append(mark)
        found += marks(mark)
    return found


@pytest.mark.parametrize("name", FIGURES)
def test_the_name_in_a_tooltip_is_that_of_the_point(name: str) -> None:
    """A mark of Vega's nearest points holds the point one level deeper, which the name misses."""
    shown = marks(vl_convert.vegalite_to_vega(FIGURES[name].chart().to_dict()))
    assert shown or name == "schedules"
    for mark in shown:
        assert "isVoronoi" not in mark["encode"]["update"]
        signal = mark["encode"]["update"]["tooltip"]["signal"]
        assert re.search(r'isValid\(datum\["label"\]\)', signal)
