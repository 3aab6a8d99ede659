"""A study in its directory: kept, conducted in two stages, read again from it alone."""

import pytest
from tiny import BASE, SAM, TASK

from sssam.lab.runs import dispatch
from sssam.lab.runs import store as records
from sssam.lab.specs import Method
from sssam.lab.studies import conduct
from sssam.lab.studies.design import Axis, Part, Study, Tunable

RATES = {"learning_rate": Axis(values=(0.05, 0.1, 0.2), start=0.1, grows=True)}
RADII = {"rho": Axis(values=(0.05, 0.1), start=0.05, grows=True)}
STUDY = Study(
    name="tiny study",
    parts=(
        Part(
            task=TASK,
            base=Tunable(method=BASE, axes=RATES),
            controls=(Method(label="base 2x length", kind="base", length=2),),
            variants=(Tunable(method=SAM, axes=RADII),),
        ),
    ),
    seeds=(0, 1),
    tuning_seeds=(1000, 1001),
    trials=4,
)


def test_a_study_is_kept_and_read_again(tmp_path):
    conduct.keep(STUDY, tmp_path / "new")
    assert conduct.load(tmp_path / "new") == STUDY
    conduct.keep(STUDY, tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["study.json"]


def test_a_changed_study_takes_the_place_of_the_one_before(tmp_path):
    conduct.keep(STUDY, tmp_path)
    conduct.keep(STUDY.model_copy(update={"trials": 5}), tmp_path)
    assert conduct.load(tmp_path).trials == 5


def test_seeds_that_are_added_later_are_known_from_the_directory(tmp_path):
    conduct.keep(STUDY, tmp_path)
    more = Study.model_validate({**dict(STUDY), "seeds": (0, 1, 2), "first_seeds": (0, 1, 2)})
    assert conduct.continued(more, tmp_path).seeds_added == (2,)
    conduct.keep(more, tmp_path)
    assert conduct.load(tmp_path).seeds_added == (2,)
    assert conduct.continued(more, tmp_path / "elsewhere").seeds_added == ()


def test_another_study_s_directory_is_refused(tmp_path):
    conduct.keep(STUDY, tmp_path)
    with pytest.raises(ValueError, match="holds the study 'tiny study', and this is 'other'"):
        conduct.keep(STUDY.model_copy(update={"name": "other"}), tmp_path)


@pytest.mark.parametrize("content", ["", "{", '{"name": "x"}'])
def test_a_torn_study_is_named_and_not_written_over(tmp_path, content):
    (tmp_path / "study.json").write_text(content)
    with pytest.raises(ValueError, match=r"study\.json is no study"):
        conduct.load(tmp_path)
    with pytest.raises(ValueError, match="remove it and begin again"):
        conduct.keep(STUDY, tmp_path)
    assert (tmp_path / "study.json").read_text() == content


def test_no_study(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no study\.json"):
        conduct.load(tmp_path)


def test_the_base_is_tuned_first_and_all_others_start_from_its_recipe(tmp_path):
    def train(runs):
        asked.append([(run.method.label, run.method.learning_rate) for run in runs])
        dispatch.run_missing(runs, tmp_path)
        return records.read_all(tmp_path).by_id

    asked = list[list[tuple[str, float]]]()
    (part,) = STUDY.parts
    decided = conduct.decide(STUDY, part, train)
    base, control, _ = decided.methods
    labels = [label for each in asked for label, _ in each]
    assert labels == ["base"] * 8 + ["SAM"] * 8
    assert {rate for each in asked for label, rate in each if label == "SAM"} == {
        base.learning_rate
    }
    assert (control.learning_rate, control.length) == (base.learning_rate, 2)
    assert [tuning.label for tuning in decided.tunings] == ["base", "SAM"]
    assert decided.tunings[0].values == {"learning_rate": base.learning_rate}
    assert {run.seed for run in conduct.wanted(STUDY, decided)} == {0, 1}

    stored = train(conduct.wanted(STUDY, decided))
    again = conduct.decide(STUDY, part, conduct.reader(stored, TASK.name))
    assert again == decided
    comparison = conduct.compared(STUDY, again, stored.values())
    assert comparison.missing == 0
    assert comparison.tuning == tuple(decided.tunings)
    assert [each.kind for each in comparison.reasons][:1] == ["few_seeds"]
    assert [each.method for each in comparison.variants] == decided.methods


def test_an_unfinished_tuning_is_an_error_that_counts_what_is_missing():
    with pytest.raises(conduct.UnfinishedError, match="on 'tiny' is not finished: 6 runs of the"):
        conduct.decide(STUDY, STUDY.parts[0], conduct.reader({}, TASK.name))


def test_a_study_whose_tuning_is_under_way_stands_where_that_begins():
    undecided = conduct.undecided(STUDY, STUDY.parts[0])
    methods = undecided.methods
    assert [method.label for method in methods] == ["base", "base 2x length", "SAM"]
    assert [method.learning_rate for method in methods] == [0.1, 0.1, 0.1]
    assert methods[-1].rho == 0.05
    more = STUDY.model_copy(update={"seeds": (0, 1, 9)})
    comparison = conduct.compared(more, undecided, [])
    assert (comparison.seeds_added, comparison.untuned) == ((9,), ("SAM",))


def test_several_tasks_have_a_folder_each(tmp_path):
    part = STUDY.parts[0]
    other = part.model_copy(update={"task": TASK.model_copy(update={"name": "../other one"})})
    both = STUDY.model_copy(update={"parts": (part, other)})
    assert conduct.folder(STUDY, part, tmp_path) == tmp_path
    assert conduct.folder(both, other, tmp_path) == tmp_path / "other-one"
