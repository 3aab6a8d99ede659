"""What was tuned on a task is taken by comparisons on that task, and by no other."""

import json
from pathlib import Path

import pytest
import torch
from tiny import TASK

from sssam.lab import tasks, tuned
from sssam.lab.cli import arguments, main, studies
from sssam.lab.cli.tune import tune_
from sssam.lab.report import sentences
from sssam.lab.specs import Code, Task
from sssam.lab.studies import conduct, studyfile
from sssam.lab.studies.chosen import as_tuned
from sssam.lab.studies.design import Grid
from sssam.lab.studies.rows import default_rows
from sssam.lab.studies.tune import Choice, Trial
from sssam.lab.training import environment
from sssam.lab.tuned import Tuned

NOISY = tasks.TASKS["noisy-digits"]


def values(task: Task, rho: float) -> Tuned:
    """As if `sssam tune` had chosen this rho for SAM."""
    sam = next(row for row in default_rows(task) if row.label == "SAM")
    method = sam.model_copy(update={"rho": rho})
    trial = Trial(method=method, mean=0.9, spread=0.0, n=2)
    choice = Choice(grid=Grid(method=method), method=method, trials=(trial,))
    where = environment.describe(torch.device("cpu"), "32-true")
    return as_tuned(task, [choice], (1000, 1001), "sssam tune", where)


def left(found: Tuned, folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / tuned.FILE).write_text(found.model_dump_json())
    return folder / tuned.FILE


def own(path: str = "/own/task.py", sha256: str = "a") -> Task:
    """A user's task of the very data and model of a built-in one."""
    return NOISY.model_copy(update={"code": Code(path=path, function="task", sha256=sha256)})


def test_built_in_values_are_for_their_task_with_any_length_and_no_other():
    built_in = tuned.read(NOISY)
    assert built_in is not None
    assert built_in.chosen_for(NOISY)
    assert built_in.chosen_for(NOISY.model_copy(update={"margin": 3.0}))
    assert "from which this run differs" not in sentences.tuned_before(NOISY, built_in)
    shorter = NOISY.model_copy(update={"epochs": 3})
    assert tuned.read(shorter) == built_in
    assert not built_in.chosen_for(shorter)
    assert "from which this run differs" in sentences.tuned_before(shorter, built_in)
    for other in (TASK, own(), NOISY.model_copy(update={"name": "../noisy-digits"})):
        assert tuned.read(other) is None


def test_values_of_a_file_s_task_are_for_that_file_also_after_an_edit():
    found = values(own(), 0.7)
    assert found.is_for(own(sha256="b"))
    assert not found.is_for(own(path="/another/task.py"))
    assert not found.is_for(NOISY)


def test_values_of_other_data_are_not_taken():
    here, there = (
        NOISY.model_copy(update={"data": NOISY.data.model_copy(update={"fingerprint": each})})
        for each in ("a", "b")
    )
    assert values(here, 0.7).is_for(here)
    assert not values(here, 0.7).is_for(there)


def test_a_comparison_on_another_task_has_class_defaults_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(arguments, "task", lambda *_: TASK)
    monkeypatch.chdir(tmp_path)
    study, _ = studies.meant("tiny", methods="base,SAM,msam", seeds=2)
    (part,) = study.parts
    assert [row.method.rho for row in part.rows] == [0.0, 0.05, 0.3]
    assert part.untuned == ("SAM", "MSAM")
    compared = conduct.compared(study, conduct.undecided(part), [])
    assert compared.untuned == ("SAM", "MSAM")
    assert compared.remarks[0].startswith("rho was not tuned here for SAM, MSAM")


def test_the_next_comparison_takes_what_tune_left(tmp_path, monkeypatch):
    monkeypatch.setattr(arguments, "task", lambda *_: TASK)
    monkeypatch.chdir(tmp_path)
    left(values(TASK, 0.7), Path("sssam-results/tiny-tuning"))
    study, _ = studies.meant("tiny", methods="base,SAM,msam", seeds=2)
    (part,) = study.parts
    assert [row.method.rho for row in part.rows] == [0.0, 0.7, 0.3]
    assert part.untuned == ("MSAM",)
    assert "Not tuned, but given, or the default of the class: the rho of MSAM." in part.note


def test_tuned_names_another_place_by_its_file_or_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = left(values(NOISY, 0.7), tmp_path / "other")
    for given in (path, path.parent):
        assert arguments.tuning(NOISY, given).found("SAM") == 0.7
    assert arguments.tuning(NOISY).found("SAM") == 0.4  # the built-in values


def test_values_of_another_task_are_refused_where_they_are_named(tmp_path, capsys):
    path = left(values(TASK, 0.7), tmp_path / "other")
    assert main(["compare", "noisy-digits", "--tuned", str(path)]) == 2
    error = capsys.readouterr().err
    assert "--tuned is" in error
    assert "tuned on 'tiny' and not on this 'noisy-digits'" in error
    path.write_text(json.dumps({"task": "tiny"}))
    assert main(["compare", "noisy-digits", "--tuned", str(path)]) == 2
    assert "run sssam tune again" in capsys.readouterr().err


def test_what_tune_writes_is_what_compare_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(arguments, "task", lambda *_: TASK)
    monkeypatch.chdir(tmp_path)
    assert tune_("tiny", methods="SAM", seeds=1, jobs=1, quiet=True) == 0
    found = arguments.tuning(TASK)
    assert [row.label for row in found.rows] == ["SAM"]
    study, _ = studies.meant("tiny", methods="SAM", seeds=2)
    assert study.parts[0].rows[0].method.rho == found.found("SAM")
    assert study.parts[0].untuned == ()


def test_a_study_file_names_what_tune_left(tmp_path):
    path = tmp_path / "study.toml"
    left(values(NOISY, 0.7), tmp_path / "left")
    head = "tasks = ['noisy-digits', 'digits']\nseeds = 2\ntuned = {}\n"
    rows = "[[methods]]\nkind = 'base'\n[[methods]]\nkind = 'sam'\nrho = 'tuned'\n"
    path.write_text(head.format("'left'") + rows)
    noisy, digits = studyfile.read(path).parts
    assert noisy.rows[1].method.rho == 0.7
    assert digits.rows[1].method.rho == 0.3  # the built-in value
    path.write_text(head.format("['nowhere']") + rows)
    with pytest.raises(ValueError, match=r"line 3: tuned: 'nowhere' can't be read"):
        studyfile.read(path)


@pytest.mark.parametrize(("rho", "untuned"), [("", ("SAM",)), ("rho = [0.1, 0.2]", ())])
def test_a_study_file_says_whose_rho_it_leaves_untuned(tmp_path, rho, untuned):
    path = tmp_path / "study.toml"
    rows = f"[[methods]]\nkind = 'base'\n[[methods]]\nkind = 'sam'\n{rho}\n"
    path.write_text(f"tasks = ['noisy-digits']\nseeds = 2\n{rows}")
    assert studyfile.read(path).parts[0].untuned == untuned
    tuned_ = rows.replace(rho, "rho = 'tuned'") if rho else f"{rows}rho = 'tuned'\n"
    path.write_text(f"tasks = ['noisy-digits']\nseeds = 2\n{tuned_}")
    assert studyfile.read(path).parts[0].untuned == ()
