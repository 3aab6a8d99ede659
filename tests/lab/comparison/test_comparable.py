"""Records that differ in more than the method are compared, and it is said."""

import pytest
from synthetic import METHODS, TASK, record, records

from sssam.lab.comparison.compare import compare
from sssam.lab.specs import Environment, Record

BASE, CONTROL, SAM = METHODS[:3]


def remarks(made: list[Record], methods=(BASE, CONTROL, SAM), seeds=range(3), task=TASK):
    return compare(task, methods, seeds, made).remarks


def study(seeds=range(3)) -> list[Record]:
    """Records that hold all hashes, alike over the rows of a seed."""
    return [
        r.model_copy(
            update={
                "sample_hash": f"order {r.run.seed}",
                "initial_hash": f"weights {r.run.seed}",
                "test_hash": f"labels {r.run.seed}",
            }
        )
        for r in records((BASE, CONTROL, SAM), seeds)
    ]


def changed(made: list[Record], label: str, seed: int, **values: object) -> list[Record]:
    return [
        r.model_copy(update=values) if (r.run.method.label, r.run.seed) == (label, seed) else r
        for r in made
    ]


def elsewhere(made: list[Record], label: str, seed: int, **values: object) -> list[Record]:
    other = made[0].environment.model_copy(update=values)
    return changed(made, label, seed, environment=other)


def unlike(said) -> list[str]:
    return [r for r in said if "like for like" in r or "environments" in r or "other data" in r]


def test_like_for_like_is_not_remarked() -> None:
    assert unlike(remarks(study())) == []


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("sample_hash", "did not train on the same examples in the same order"),
        ("initial_hash", "did not start from the same weights"),
        ("test_hash", "were not judged on the same test examples"),
    ],
)
def test_a_pair_that_differs_in_more_than_the_method_is_the_first_remark(field, words) -> None:
    said = remarks(changed(study(), "SAM", 1, **{field: "another"}))
    assert len(unlike(said)) == 1
    assert said[0] == (
        f"Not like for like: at 1 seed (1) the rows {words} (SAM against the others); these pairs "
        "differ in more than the method."
    )


def test_all_seeds_and_rows_that_differ_are_told() -> None:
    made = study()
    for seed in range(3):
        made = changed(made, "base 2x steps", seed, initial_hash="another")
    said = remarks(changed(made, "SAM", 0, sample_hash="another"))
    assert "at 3 seeds (0, 1 and 2) the rows did not start" in said[1]
    assert "(base 2x steps against the others)" in said[1]
    assert "(SAM against the others)" in said[0]


def test_a_diverged_run_stopped_early_and_saw_less() -> None:
    stopped = changed(study(), "SAM", 1, outcome="diverged", sample_hash="less")
    assert unlike(remarks(stopped)) == []
    assert len(unlike(remarks(changed(stopped, "SAM", 1, initial_hash="another")))) == 1


def test_records_without_hashes_are_not_taken_for_unlike() -> None:
    assert unlike(remarks(changed(study(), "SAM", 1, sample_hash="", initial_hash=""))) == []
    failed = changed(study(), "SAM", 1, outcome="failed", sample_hash="", test_accuracy=None)
    assert unlike(remarks(failed)) == []


def test_another_device_and_versions_are_named_with_their_values() -> None:
    made = elsewhere(study(), "SAM", 2, device="cuda", versions={"python": "3.13.1"})
    (said,) = unlike(remarks(made))
    assert said.startswith(
        "The records come from 2 environments, so their times are not comparable"
    )
    assert "they differ in device (cpu and cuda) and torch (2.13.0 and none)." in said
    assert "At 1 seed the rows of one pair are from different ones, so rounding may be" in said


def test_whole_seeds_on_another_machine_leave_the_pairs_alike() -> None:
    made = study()
    for label in ("base", "base 2x steps", "SAM"):
        made = elsewhere(made, label, 2, processor="another")
    (said,) = unlike(remarks(made))
    assert said.endswith("they differ in processor (a processor and another).")


def test_time_and_commit_make_no_other_environment() -> None:
    made = elsewhere(study(), "SAM", 0, time="later", commit="abc")
    assert unlike(remarks(made)) == []
    assert set(Environment.model_fields) > {"time", "commit"}


def test_records_of_the_same_runs_on_other_data_are_told_of_and_left_out() -> None:
    def on(fingerprint: str | None):
        data = TASK.data.model_copy(update={"fingerprint": fingerprint})
        return TASK.model_copy(update={"data": data})

    made = [record(BASE, 0, 86.0, 0.0, on("new")), record(BASE, 0, 50.0, 0.0, on("old"))]
    made += [record(SAM, 0, 60.0, 0.0, on("old")), record(BASE, 7, 50.0, 0.0, on("old"))]
    comparison = compare(on("new"), (BASE, SAM), range(1), made)
    assert comparison.variants[0].accuracies == {0: pytest.approx(86.0, abs=3)}
    assert comparison.variants[1].runs.missing == 1
    assert unlike(comparison.remarks) == [
        "2 records of the same runs on other data are left out: the fingerprint is old, not new."
    ]


def test_data_without_a_fingerprint_are_told_of_in_words() -> None:
    data = TASK.data.model_copy(update={"fingerprint": "new"})
    made = [record(SAM, 0, 60.0, 0.0), record(BASE, 0, 86.0, 0.0)]
    said = unlike(remarks(made, (BASE, SAM), range(1), TASK.model_copy(update={"data": data})))
    assert said[0].endswith("are left out: the fingerprint is unknown, not new.")


def test_records_of_other_tasks_are_nobodys_other_data() -> None:
    other = TASK.model_copy(update={"epochs": 2})
    assert unlike(remarks(study() + records((SAM,), range(3), task=other))) == []
