"""The file of timings, and when a clock was too noisy for a price in seconds."""

import pytest

from sssam.lab.specs import Environment, Timing, timing

ENVIRONMENT = Environment(
    time="", processor="", cores=1, threads=1, device="", platform="", versions={}
)


def made(ratio, low, high):
    numbers = {"quartiles": (low, high), "blocks": 25, "steps": 10}
    clock = {"seconds": 0.002, "base_seconds": 0.001, "environment": ENVIRONMENT}
    return Timing(ratio=ratio, low=low, high=high, **numbers, **clock)


def test_timings_are_read_as_written_and_those_of_other_variants_are_kept(tmp_path):
    assert timing.read(tmp_path) == {}
    timing.write({"a": made(2, 1.9, 2.1), "b": made(1, 1, 1)}, tmp_path)
    timing.write({"b": made(1.5, 1.4, 1.6)}, tmp_path)
    assert timing.read(tmp_path) == {"a": made(2, 1.9, 2.1), "b": made(1.5, 1.4, 1.6)}


def test_a_file_of_something_else_is_named(tmp_path):
    (tmp_path / timing.FILE).write_text("[]")
    with pytest.raises(ValueError, match=r"timings\.json' holds no timings: .*delete it and"):
        timing.read(tmp_path)


def test_an_interval_that_spans_more_than_a_tenth_is_not_steady():
    assert made(2, 1.95, 2.05).steady
    assert not made(2, 1, 4).steady
