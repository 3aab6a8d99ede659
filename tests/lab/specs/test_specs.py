"""What identifies a run, and what does not."""

import subprocess
import sys
from typing import get_args

import pytest
from tiny import SSSAM, TASK, run

from sssam.lab import specs
from sssam.lab.specs import Code, DataSpec, Environment, Method, ModelSpec, Point, Record, Run, Task
from sssam.schedules import constant

REFERENCE = Run(
    task=Task(
        name="reference",
        data=DataSpec(name="digits", fingerprint="0123456789abcdef"),
        model=ModelSpec(name="mlp", widths=(8,)),
        code=Code(path="/here/my_task.py", function="task", sha256="fedcba98"),
    ),
    method=Method(label="mine", kind="sam", rho=0.1, options={"mix": 0.5}),
    seed=3,
)

OTHER = {
    "train": 9,
    "validation": 9,
    "label_noise": 0.9,
    "fingerprint": "f",
    "widths": (9,),
    "epochs": 9,
    "batch_size": 9,
    "optimizer": "adamw",
    "learning_rate": 0.9,
    "momentum": 0.8,
    "weight_decay": 0.9,
    "anneal": "constant",
    "augment": "shifts",
    "test": 9,
    "kind": "asam",
    "rho": 0.9,
    "schedule": constant(0.25).to_dict(),
    "options": {"mix": 0.25},
    "length": 9,
    "label_smoothing": 0.9,
    "dropout": 0.9,
    "average": "ema",
    "average_start": 0.9,
    "average_horizon": 0.9,
    "patience": 9,
    "seed": 9,
    "revision": 9,
    "share": 0.5,
}

#: Fields that tell the same run by another name, or where it is found, or how it is read.
APART = {"label", "margin", "metric", "path", "share"}


def _changed(value, name):
    """Each way to change one field of that name, anywhere in the value."""
    for field, info in type(value).model_fields.items():
        inner = getattr(value, field)
        if info.exclude:  # what only older records have
            continue
        if isinstance(inner, specs.Spec):
            yield from (value.model_copy(update={field: new}) for new in _changed(inner, name))
        elif field == name:
            new = OTHER.get(name, "another" if name != "margin" else 0.9)
            yield value.model_copy(update={field: new})


def _names(kind):
    for name, field in kind.model_fields.items():
        if field.exclude:
            continue
        kinds = [field.annotation, *get_args(field.annotation)]
        inner = [k for k in kinds if isinstance(k, type) and issubclass(k, specs.Spec)]
        if inner:
            yield from _names(inner[0])
        else:
            yield name


@pytest.mark.parametrize("name", sorted(set(_names(Run)) - {"name"}))
def test_each_field_that_determines_a_run_is_in_its_id_and_no_other(name):
    changed = list(_changed(REFERENCE, name))
    assert changed
    assert all((each.id == REFERENCE.id) == (name in APART) for each in changed)


def test_data_and_models_go_by_their_names_and_a_task_does_not():
    ids = [each.id for each in _changed(REFERENCE, "name")]
    assert [id_ == REFERENCE.id for id_ in ids] == [True, False, False]


def test_augmentation_reads_and_writes_the_truth_values_of_old_records():
    task = REFERENCE.task
    for written, kind in ((False, "none"), (True, "shifts and flips"), ("shifts", "shifts")):
        read = Task.model_validate({**task.model_dump(), "augment": written})
        assert read.augment == kind
        assert read.model_dump(mode="json")["augment"] == written
    flipped = task.model_copy(update={"augment": "shifts and flips"})
    assert REFERENCE.model_copy(update={"task": flipped}).id == "be1a8e69f23d73cb"


def test_a_changed_default_is_seen_here():
    """Defaults are left out of an id: who changes one must raise the revision, and this text."""
    defaults = Run(
        task=Task(name="t", data=DataSpec(name="d"), model=ModelSpec(name="m")),
        method=Method(label="l", kind="sam"),
        seed=0,
    ).model_dump(mode="json")
    assert defaults == {
        "task": {
            "name": "t",
            "data": {
                "name": "d",
                "path": None,
                "fingerprint": None,
                "train": None,
                "validation": None,
                "test": None,
                "label_noise": 0.0,
                "target": None,
            },
            "model": {"name": "m", "widths": []},
            "epochs": 40,
            "batch_size": 64,
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "momentum": 0.9,
            "weight_decay": 0.0005,
            "anneal": "one-cycle",
            "augment": False,
            "precision": "32-true",
            "margin": 1.0,
            "share": 0.8,
            "metric": "accuracy",
            "code": None,
        },
        "method": {
            "label": "l",
            "kind": "sam",
            "rho": 0.0,
            "schedule": None,
            "options": {},
            "length": 1,
            "learning_rate": None,
            "weight_decay": None,
            "label_smoothing": 0.0,
            "dropout": None,
            "average": "none",
            "average_start": None,
            "average_horizon": 0.2,
            "patience": None,
            "revision": 1,
        },
        "seed": 0,
        "revision": 1,
    }


def test_a_kind_s_own_revision_is_in_its_runs_alone(monkeypatch):
    before = run(SSSAM).id, run(Method(label="SAM", kind="sam")).id
    monkeypatch.setitem(specs.KIND_REVISIONS, "sssam", 2)
    again = Method(label="SS-SAM", kind="sssam", rho=SSSAM.rho, schedule=SSSAM.schedule)
    assert Run(task=TASK, method=again, seed=0).id != before[0]
    assert run(Method(label="SAM", kind="sam")).id == before[1]


def test_the_id_is_that_of_every_earlier_version():
    """Records are found by it: where this text must change, old records are lost to new studies."""
    assert REFERENCE.id == "fe5e8cba93e1a58b"


def test_the_variant_s_id_is_equal_over_seeds_and_differs_for_methods_and_tasks():
    ids = {run(SSSAM, seed=seed).variant for seed in (0, 1)}
    other = Run(task=TASK.model_copy(update={"epochs": 9}), method=SSSAM, seed=0)
    longer = SSSAM.model_copy(update={"length": 2})
    assert len(ids) == 1
    assert len(ids | {other.variant, run(longer).variant}) == 3


def test_options_of_an_average_are_refused_where_it_has_none():
    given = {"label": "a", "kind": "base"}
    assert Method(**given).averaged_from == 1
    assert Method(**given, average="ema", average_horizon=0.3).averaged_from == 0
    assert Method(**given, average="sema", average_horizon=0.3).averaged_from == 0
    assert Method(**given, average="swa").averaged_from == 0.75
    assert Method(**given, average="lawa").averaged_from == 0.75
    assert Method(**given, average="swa", average_start=0.5).averaged_from == 0.5
    with pytest.raises(
        ValueError, match=r"average_start is 0\.5 .*left out: .*'ema', 'sema', 'swa', 'lawa'"
    ):
        Method(**given, average_start=0.5)
    with pytest.raises(ValueError, match=r"average_horizon is 0\.3 with average 'swa'.*'ema'"):
        Method(**given, average="swa", average_horizon=0.3)


def test_a_run_costs_the_passes_that_it_ran_in_those_of_a_whole_base_run():
    point = Point(step=1, propagations=1, train_loss=0, validation_accuracy=0, learning_rate=0)
    stopped = Record(run=run(SSSAM), outcome="finished", propagations=1.5, curve=(point,) * 2)
    assert stopped.cost == 1.5 * 2 / 3
    assert Record(run=run(SSSAM), outcome="failed").cost is None


def test_equal_lengths_have_equal_ids_and_make_whole_epochs():
    two = [REFERENCE.method.model_copy(update={"length": 2}), Method(length=2.0, **_but_length())]
    assert len({run(method).id for method in two}) == 1
    lengths = (0.25, 0.01, 1.06, 2)
    epochs = [run(Method(length=each, **_but_length())).epochs for each in lengths]
    assert TASK.epochs == 3
    assert epochs == [1, 1, 3, 6]
    with pytest.raises(ValueError, match="greater than 0"):
        Method(length=0, **_but_length())


def _but_length():
    return REFERENCE.method.model_dump(exclude={"length"})


def test_what_documents_the_code_and_where_a_record_was_made_are_no_part_of_the_id():
    code = (
        "import sys; from sssam.lab.specs import Run; assert Run.__doc__ is None;"
        "print(Run.model_validate_json(sys.argv[1]).id)"
    )
    words = [sys.executable, "-OO", "-c", code, REFERENCE.model_dump_json()]  # without docstrings
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == REFERENCE.id
    where = {"time": "", "processor": "", "cores": 1, "threads": 1, "device": "", "platform": ""}
    for commit in (None, "0123456789ab"):
        made = Environment(**where, versions={"torch": str(commit)}, commit=commit)
        assert Record(run=REFERENCE, outcome="failed", environment=made).id == REFERENCE.id


def test_a_run_read_from_its_text_has_the_same_id():
    assert Run.model_validate_json(REFERENCE.model_dump_json()).id == REFERENCE.id
