"""What a reader must know beside the numbers is a value, with its data."""

import pytest
from made_up import ALL, BASE, DOUBLE, LINEAR, SAM, caveat, changed, judged, made, study
from synthetic import TASK, record, records, scheduled
from test_claims import timing

from sssam.lab.comparison.compare import compare
from sssam.lab.specs import Environment, Method, Record
from sssam.schedules import constant, late

METHODS = (BASE, DOUBLE, SAM)


def alike() -> list[Record]:
    """Records that hold all hashes, alike over the variants of a seed."""
    return [
        r.model_copy(
            update={
                "sample_hash": f"order {r.run.seed}",
                "initial_hash": f"weights {r.run.seed}",
                "test_hash": f"labels {r.run.seed}",
            }
        )
        for r in made(methods=METHODS, seeds=range(3))
    ]


def compared(found: list[Record]):
    return judged(found, METHODS, range(3))


def elsewhere(found: list[Record], label: str, seed: int, **values: object) -> list[Record]:
    environment = found[0].environment.model_copy(update=values)
    return changed(found, label, seed, environment=environment)


def test_like_for_like_has_no_caveat_but_that_of_the_test_error() -> None:
    assert [each.kind for each in compared(alike()).caveats] == ["test_error_unknown"]


def test_other_first_weights_are_named() -> None:
    found = changed(alike(), "SAM", 1, initial_hash="another")
    found = changed(found, "base 2x steps", initial_hash="a third")
    each = caveat(compared(found), "unlike_weights")
    assert set(each.variants) == {"base 2x steps", "SAM"}
    assert each.seeds == (0, 1, 2)
    assert caveat(compared(changed(alike(), "SAM", 1, initial_hash="")), "unlike_weights") is None


def test_runs_that_did_not_finish_are_counted() -> None:
    found = changed(alike(), "SAM", 1, outcome="diverged")
    found = changed(found, "SAM", 2, outcome="failed", test_accuracy=None)
    comparison = compared(found[1:])
    assert caveat(comparison, "diverged").counts == {"SAM": 1}
    assert caveat(comparison, "failed").counts == {"SAM": 1}
    assert caveat(comparison, "missing").counts == {"base": 1}


def test_another_device_and_versions_are_named_with_their_values() -> None:
    found = elsewhere(alike(), "SAM", 2, device="cuda", versions={"python": "3.13.1"})
    comparison = compared(found)
    values = caveat(comparison, "environments").values
    assert values == {"device": ("cpu", "cuda"), "versions": ("torch 2.13.0", "torch none")}
    assert caveat(comparison, "mixed_pairs").seeds == (2,)


def test_whole_seeds_on_another_machine_leave_the_pairs_alike() -> None:
    found = alike()
    for method in METHODS:
        found = elsewhere(found, method.label, 2, processor="another")
    comparison = compared(found)
    assert caveat(comparison, "environments").values == {"processor": ("a processor", "another")}
    assert caveat(comparison, "mixed_pairs") is None


def test_time_and_commit_make_no_other_environment() -> None:
    comparison = compared(elsewhere(alike(), "SAM", 0, time="later", commit="abc"))
    assert caveat(comparison, "environments") is None
    assert set(Environment.model_fields) > {"time", "commit"}


def test_records_of_the_same_runs_on_other_data_are_counted_and_left_out() -> None:
    def on(fingerprint: str | None):
        data = TASK.data.model_copy(update={"fingerprint": fingerprint})
        return TASK.model_copy(update={"data": data})

    found = [record(BASE, 0, 86.0, 0.0, on("new")), record(BASE, 0, 50.0, 0.0, on("old"))]
    found += [record(SAM, 0, 60.0, 0.0, on(None)), record(BASE, 7, 50.0, 0.0, on("old"))]
    comparison = compare(on("new"), (BASE, SAM), range(1), found)
    assert comparison.variants[0].accuracies == {0: pytest.approx(86.0, abs=3)}
    assert comparison.variants[1].runs.missing == 1
    assert caveat(comparison, "other_data").counts == {"old": 1, "unknown": 1}


def test_records_of_other_tasks_are_nobodys_other_data() -> None:
    other = TASK.model_copy(update={"epochs": 2})
    found = alike() + records((SAM,), range(3), task=other)
    assert caveat(compared(found), "other_data") is None


def test_seeds_added_and_variants_that_were_not_tuned_are_told() -> None:
    comparison = judged(made(), untuned=["SAM"], added=[8, 9])
    assert caveat(comparison, "seeds_added").seeds == (8, 9)
    assert caveat(comparison, "untuned").variants == ("SAM",)
    assert caveat(study(), "seeds_added") is None


def test_a_best_value_at_the_end_of_its_grid_is_told() -> None:
    tuning = study().tuning[0].model_copy(update={"at_end": ("weight_decay",)})
    comparison = judged(made(), tuning=(tuning,))
    assert caveat(comparison, "grid_end").values == {"base": ("weight_decay",)}
    assert caveat(study(), "grid_end") is None


def test_a_noisy_clock_and_seconds_unlike_passes_are_told() -> None:
    found = made()
    runs = {r.run.method.label: r.run.variant for r in found}
    timings = {runs["SAM"]: timing(2.4), runs[LINEAR.label]: timing(2.5, 1.0, 4.0)}
    comparison = judged(found, timings=timings)
    assert caveat(comparison, "noisy_clock").variants == (LINEAR.label,)
    assert caveat(comparison, "price_differs").numbers == {"SAM": pytest.approx(1.2)}
    near = judged(found, timings={runs["SAM"]: timing(2.1)})
    assert caveat(near, "price_differs") is None


def test_a_cost_off_the_schedule_s_is_told() -> None:
    late_, drawn = scheduled("late", late(0.25)), scheduled("drawn", constant(0.25))
    spaced = scheduled("spaced", constant(0.25), options={"draws": "systematic"})

    def told(method: Method, steps: int, spent: float, expected: float) -> dict[str, float]:
        values = {"steps": steps, "propagations": spent, "expected_propagations": expected}
        found = [r.model_copy(update=values) for r in records((method,), range(4))]
        each = caveat(judged(found, (method,), range(4)), "unexpected_cost")
        return each.numbers if each else {}

    assert told(late_, 2, 1.5, 1.5) == {}  # the expected cost is that of these two steps
    assert told(late_, 100, 1.25, 1.25) == {}
    deviation = (0.25 * 0.75 / 100 / 4) ** 0.5
    assert told(drawn, 100, 1.25 + 2.9 * deviation, 1.25) == {}
    assert told(drawn, 100, 1.25 + 4 * deviation, 1.25) == {"drawn": 1.25}
    assert told(spaced, 100, 1.29, 1.25) == {}
    assert told(spaced, 100, 1.34, 1.25) == {"spaced": 1.25}
    assert caveat(study(methods=ALL), "unexpected_cost") is None
