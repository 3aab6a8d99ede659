"""How long a study takes is said before it begins, from some steps of the base."""

import pytest
from tiny import TASK

from sssam.lab.specs import Method
from sssam.lab.studies import seconds as measuring
from sssam.lab.studies.design import Axis, Part, Study, Tunable
from sssam.lab.studies.seconds import AFTER_RUNS
from sssam.schedules import late

LATE = late(0.5).to_dict()
GROWING = Axis(values=(0.1, 0.2), start=0.1, grows=True)
CHEAP = Method(
    label="cheap", kind="sssam", rho=0.1, schedule=LATE, options={"ascent_fraction": 1 / 8}
)
STUDY = Study(
    name="a",
    parts=(
        Part(
            task=TASK,
            base=Tunable(method=Method(label="base", kind="base"), axes={"learning_rate": GROWING}),
            controls=(Method(label="base 2x length", kind="base", length=2),),
            variants=(Tunable(method=CHEAP, axes={"rho": GROWING}),),
        ),
    ),
    seeds=(0, 1, 2),
    tuning_seeds=(1000, 1001),
    trials=4,
)


def test_runs_are_weighted_by_their_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_epoch_seconds", lambda _: 1.0)
    base, cheap, long = 3, 3 * (1 + 1 / 16), 6
    seconds = 2 * 4 * (base + cheap) + 3 * (base + cheap + long)
    monkeypatch.setattr(measuring, "duration", str)
    text = measuring.estimated(STUDY, 1)
    assert text == f"16 runs to tune, 9 runs to compare: about {seconds + AFTER_RUNS}"
    both = seconds / 2 + AFTER_RUNS
    assert measuring.estimated(STUDY, 2).endswith(f"about {both} with 2 runs at once")


def test_a_study_that_tunes_nothing_only_compares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_epoch_seconds", lambda _: 1.0)
    part = Part(task=TASK, variants=(Tunable(method=CHEAP),))
    text = measuring.estimated(Study(name="a", parts=(part,), seeds=(0,)), 1)
    assert text == "2 runs to compare: about 14 s"


def test_steps_of_the_base_are_timed() -> None:
    assert 0 < measuring._epoch_seconds(TASK) < 60
