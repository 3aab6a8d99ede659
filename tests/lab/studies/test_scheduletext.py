"""Schedules from text: what is read, and that nothing is evaluated."""

import pytest

from sssam.lab.studies.scheduletext import parse
from sssam.schedules import constant, cosine, late, linear, piecewise, power, sine


@pytest.mark.parametrize(
    "schedule",
    [
        constant(0.5),
        linear(0.0, 1.0),
        cosine(1.0, 0.0),
        sine(0.0, 0.5),
        power(2.0),
        late(0.13, 0.5),
        piecewise([0.5], [0.2, 0.8]),
        (linear(0, 1) * 2 - 0.5).clamp(0, 1),
        constant(0).then(linear(0.2, 1), at=0.25).reversed(),
        1 - late(0.5),
    ],
    ids=repr,
)
def test_a_schedule_s_own_text_is_read_back(schedule):
    assert parse(repr(schedule)) == schedule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lat(0.5)", "unknown schedule 'lat': did you mean 'late'"),
        ("late(0.5).revers()", "unknown method of a schedule 'revers': did you mean 'reversed'"),
        ("custom(print)", "'custom' takes a Python function, which no text can hold"),
        ("late(1.5)", "f must be in [0, 1]"),
        ("late(0.5", "can't be read: write it like"),
        ("0.5", "is no schedule: write it like"),
        ("late()", "missing 1 required positional argument: 'f'"),
        ("late(f=0.5, g=1)", "unexpected keyword argument 'g'"),
        ("late(True)", "'True' is neither a number nor a schedule"),
        ("late('0.5')", "neither a number nor a schedule"),
        ("late(0.5) / 2", "only +, - and * join schedules"),
        ("(1).clamp(0, 1)", "'1 .clamp' is no schedule"),
        ("__import__('os').system('true')", "unknown method of a schedule 'system'"),
        ("late.__globals__", "neither a number nor a schedule"),
        ("late(0.5).at(0, 1)", "unknown method of a schedule 'at'"),
        ("open('/etc/passwd')", "unknown schedule 'open'"),
        ("(lambda: late(0.5))()", "is no schedule"),
        ("[late(0.5)][0]", "neither a number nor a schedule"),
        ("late(*[0.5])", "neither a number nor a schedule"),
        ("late(**{})", "neither a number nor a schedule"),
        ("-" * 5000 + "1", "can't be read"),
        ("", "can't be read"),
    ],
)
def test_all_else_is_an_error_that_names_it(text, said):
    with pytest.raises(ValueError) as raised:
        parse(text)
    assert said in str(raised.value)
