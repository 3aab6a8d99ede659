"""Which records are a comparison's, and what a reader must know of them, as values."""

import pytest
from made_up import BASE, DOUBLE, LINEAR, SAM, changed, judged, made, variant
from synthetic import TASK, record, records
from test_claims import timing

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Comparison
from sssam.lab.specs import Record

METHODS = (BASE, DOUBLE, SAM)


def compared(found: list[Record]) -> Comparison:
    return judged(found, METHODS, range(3))


def elsewhere(found: list[Record], label: str, seed: int, **values: object) -> list[Record]:
    environment = found[0].environment.model_copy(update=values)
    return changed(found, label, seed, environment=environment)


def test_records_of_one_machine_are_no_mixed_pairs() -> None:
    found = made(methods=METHODS, seeds=range(3))
    assert compared(found).mixed_seeds == ()
    assert compared(elsewhere(found, "SAM", 0, time="later", commit="abc")).mixed_seeds == ()
    assert not compared(found).has_test_error  # no record says what was right by example


def test_pairs_of_unlike_environments_are_named_by_their_seeds() -> None:
    found = made(methods=METHODS, seeds=range(3))
    comparison = compared(elsewhere(found, "SAM", 2, device="cuda"))
    assert comparison.mixed_seeds == (2,)
    assert [each.device for each in comparison.environments] == ["cpu", "cuda"]


def test_whole_seeds_on_another_machine_leave_the_pairs_alike() -> None:
    found = made(methods=METHODS, seeds=range(3))
    for method in METHODS:
        found = elsewhere(found, method.label, 2, processor="another")
    assert compared(found).mixed_seeds == ()
    assert len(compared(found).environments) == 2


def test_records_of_the_same_runs_on_other_data_are_counted_and_left_out() -> None:
    def on(fingerprint: str | None):
        data = TASK.data.model_copy(update={"fingerprint": fingerprint})
        return TASK.model_copy(update={"data": data})

    found = [record(BASE, 0, 86.0, 0.0, on("new")), record(BASE, 0, 50.0, 0.0, on("old"))]
    found += [record(SAM, 0, 60.0, 0.0, on(None)), record(BASE, 7, 50.0, 0.0, on("old"))]
    comparison = compare(on("new"), (BASE, SAM), range(1), found)
    assert comparison.variants[0].accuracies == {0: pytest.approx(86.0, abs=3)}
    assert comparison.variants[1].runs.missing == 1
    assert comparison.other_data == {"old": 1, "unknown": 1}


def test_records_of_other_tasks_are_nobodys_other_data() -> None:
    other = TASK.model_copy(update={"epochs": 2})
    assert compared(made(methods=METHODS) + records((SAM,), range(3), task=other)).other_data == {}


def test_a_clock_that_is_noisy_fourfold_gives_no_price() -> None:
    found = made()
    runs = {r.run.method.label: r.run.variant for r in found}
    timings = {runs["SAM"]: timing(2.4), runs[LINEAR.label]: timing(2.5, 1.0, 4.0)}
    comparison = judged(found, timings=timings)
    assert variant(comparison, LINEAR.label).has_noisy_clock
    assert not variant(comparison, "SAM").has_noisy_clock
