"""A study in its directory: kept, conducted, read again from it alone."""

import pytest
from tiny import BASE, SAM, TASK

from sssam.lab.runs import dispatch
from sssam.lab.studies import conduct
from sssam.lab.studies.design import Grid, Part, Study

TUNED = Grid(method=SAM, factors=(0.05, 0.1))
STUDY = Study(
    name="tiny study",
    parts=(Part(task=TASK, rows=(Grid(method=BASE), TUNED), note="A note."),),
    seeds=(0, 1),
    tuning_seeds=(1000, 1001),
)


def test_a_study_is_kept_and_read_again(tmp_path):
    conduct.keep(STUDY, tmp_path / "new")
    assert conduct.load(tmp_path / "new") == STUDY
    conduct.keep(STUDY, tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["study.json"]


def test_a_changed_study_takes_the_place_of_the_one_before_which_is_kept(tmp_path):
    conduct.keep(STUDY, tmp_path)
    more = STUDY.model_copy(update={"seeds": (0, 1, 2)})
    conduct.keep(more, tmp_path)
    assert conduct.load(tmp_path) == more
    (earlier,) = (tmp_path / "earlier").iterdir()
    assert earlier.read_text() == STUDY.text()


def test_another_study_s_directory_is_refused(tmp_path):
    conduct.keep(STUDY, tmp_path)
    with pytest.raises(ValueError, match="holds the study 'tiny study', and this is 'other'"):
        conduct.keep(STUDY.model_copy(update={"name": "other"}), tmp_path)


@pytest.mark.parametrize("content", ["", "{", '{"name": "x"}'])
def test_a_torn_study_is_named_and_never_lost(tmp_path, content):
    (tmp_path / "study.json").write_text(content)
    with pytest.raises(ValueError, match=r"study\.json is no study"):
        conduct.load(tmp_path)
    conduct.keep(STUDY, tmp_path)
    assert [path.read_text() for path in (tmp_path / "earlier").iterdir()] == [content]


def test_no_study(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no study\.json"):
        conduct.load(tmp_path)


def test_a_study_is_conducted_then_read_without_training(tmp_path):
    def train(runs):
        return dispatch.run_missing(runs, tmp_path).by_id

    (part,) = STUDY.parts
    decided = conduct.decide(STUDY, part, train)
    tuning = train([])
    assert {record.run.seed for record in tuning.values()} == {1000, 1001}
    assert len(tuning) == 2 * 2
    held = train(conduct.wanted(STUDY, decided))
    assert len(held) == 4 + 2 * 2
    again = conduct.decide(STUDY, part, conduct.reader(held, TASK.name))
    assert again == decided
    comparison = conduct.compared(STUDY, again, held.values())
    assert comparison.missing == 0
    assert comparison.variants[1].method.rho == decided.methods[1].rho
    assert "Chosen: SAM: rho" in comparison.note
    assert comparison.note.endswith("A note.")


def test_an_unfinished_tuning_is_told():
    with pytest.raises(conduct.UnfinishedError, match="on 'tiny' is not finished: 4 of 4 runs"):
        conduct.decide(STUDY, STUDY.parts[0], conduct.reader({}, TASK.name))


def test_several_tasks_have_a_folder_each(tmp_path):
    part = STUDY.parts[0]
    other = part.model_copy(update={"task": TASK.model_copy(update={"name": "../other one"})})
    both = STUDY.model_copy(update={"parts": (part, other)})
    assert conduct.folder(STUDY, part, tmp_path) == tmp_path
    assert conduct.folder(both, other, tmp_path) == tmp_path / "other-one"
