import json
import re

import pytest
from hypothesis import given

import sssam.schedules
from sssam.schedules import custom, from_dict, late, linear, piecewise

from .strategies import CALLABLES, NAMES, expressions, parabola

# what `from sssam.schedules import *` brings, and the functions that customs name
NAMESPACE = {name: getattr(sssam.schedules, name) for name in sssam.schedules.__all__}
NAMESPACE |= NAMES


@given(expressions)
def test_repr_evaluates_back(schedule):
    text = repr(schedule).replace(f"{parabola.__module__}.", "")
    assert eval(text, NAMESPACE) == schedule


@given(expressions)
def test_json_reads_back(schedule):
    text = json.dumps(schedule.to_dict(), allow_nan=False)
    assert from_dict(json.loads(text), CALLABLES) == schedule


def test_what_is_written():
    assert late(0.5).to_dict() == {"kind": "late", "f": 0.5, "first": 1.0}
    assert piecewise([0.5], [0, 1]).to_dict() == {
        "kind": "piecewise",
        "boundaries": [0.5],
        "values": [0.0, 1.0],
    }
    assert (2 * linear().reversed()).to_dict() == {
        "kind": "product",
        "left": 2.0,
        "right": {"kind": "reversed", "inner": {"kind": "linear", "start": 0.0, "end": 1.0}},
    }
    assert custom(parabola).to_dict() == {
        "kind": "custom",
        "callable": f"{parabola.__module__}:parabola",
    }


def test_parameters_with_defaults_may_be_left_out():
    assert from_dict({"kind": "late", "f": 0.5}) == late(0.5)
    assert from_dict({"kind": "linear", "start": 0, "end": 1}) == linear(0, 1)


class Steep:
    def __call__(self, u: float) -> float:
        return u**3


def test_a_callable_without_a_name_goes_by_its_type():
    schedule = custom(Steep())
    name = schedule.to_dict()["callable"]
    assert name == f"{__name__}:Steep"
    assert from_dict(schedule.to_dict(), {name: schedule.callable}) == schedule


UNIT = "must be in [0, 1], not"


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (
            {"kind": "lineer"},
            ValueError,
            "kind must be a known one, not 'lineer'; did you mean linear or ",
        ),
        ({"p": 0.5}, ValueError, "kind must be a known one, not None; known: constant, linear, "),
        ({"kind": ["late"]}, ValueError, "kind must be a known one, not ['late']; "),
        (0.5, TypeError, "a schedule must be a mapping with a 'kind', not 0.5"),
        ("late(0.5)", TypeError, "a schedule must be a mapping with a 'kind', not 'late(0.5)'"),
        (
            {"kind": "late", "f": 0.5, "frist": 1},
            ValueError,
            "late has no parameter 'frist'; did you mean first?",
        ),
        ({"kind": "constant", "q": 1}, ValueError, "constant has no parameter 'q'; known: p"),
        ({"kind": "linear", "start": 0}, ValueError, "linear lacks 'end'"),
        ({"kind": "constant", "p": 2}, ValueError, f"p {UNIT} 2; "),
        ({"kind": "constant", "p": "0.5"}, TypeError, "p must be a number, not '0.5'"),
        (
            {"kind": "piecewise", "boundaries": 1, "values": [1]},
            TypeError,
            "boundaries must be a list",
        ),
        (
            {"kind": "reversed", "inner": 0.5},
            TypeError,
            "the inner schedule of reversed must be a ",
        ),
        (
            {"kind": "sum", "left": 1, "right": 2},
            TypeError,
            "a sum needs a schedule, not 1.0 and 2.0",
        ),
        (
            {"kind": "clamp", "inner": {"kind": "custom", "callable": "os:system"}},
            ValueError,
            "callable must be one of the callables given, [], not 'os:system'; text is never "
            "imported or evaluated: pass from_dict(..., callables={'os:system': function})",
        ),
    ],
)
def test_errors_name_argument_value_range_and_remedy(value, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        from_dict(value)
