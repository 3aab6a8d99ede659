"""An exception or a signal at any line that a step executes: back at w, and training goes on.

The lines are those of `sssam` and of the loop. While the base optimizer's own step is under way, or
what it leaves is noted, nobody can tell whether an update is made: there w is not promised, and the
next checkpoint warns. What an exception within the guard itself leaves of buffers and generators
is not promised, nor that gradients are on after a `with torch.no_grad()` that is cut at its end.
"""

import pytest

from tests.runtime.interrupts import THROWS, scan, start_of
from tests.table import TABLE


@pytest.mark.parametrize(
    ("name", "form", "thrown"),
    [
        ("SAM", "closure", "SIGINT"),
        ("SAM", "two lines", "exception"),
        ("SAM", "passes", "exception"),
        ("MSAM", "moved", "exception"),
        ("FriendlySAM", "closure", "exception"),
    ],
)
def test_interrupted_at_every_third_line(name: str, form: str, thrown: str) -> None:
    assert scan(start_of(name, form), *THROWS[thrown], stride=3) > 60


@pytest.mark.slow
@pytest.mark.parametrize("thrown", THROWS)
@pytest.mark.parametrize("name", ["SAM on a quarter", "AsyncSAM", "SAM", "LookSAM"])
def test_interrupted_at_every_line_of_a_step_that_was_asked_for(name: str, thrown: str) -> None:
    assert scan(start_of(name, "asked"), *THROWS[thrown]) > 60


@pytest.mark.slow
@pytest.mark.parametrize("form", ["closure", "two lines", "passes"])
def test_interrupted_at_every_line_of_a_scaled_step(form: str) -> None:
    assert scan(start_of("SAM mixed", form, scaled=True), *THROWS["exception"]) > 60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "form"), [(n, form) for n, row in TABLE.items() for form in row.forms]
)
def test_every_method_interrupted_at_every_line(name: str, form: str) -> None:
    assert scan(start_of(name, form), *THROWS["exception"]) > 60
