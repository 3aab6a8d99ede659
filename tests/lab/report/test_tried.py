"""The page of a study draws the radii that the study itself chose among."""

from pathlib import Path

from synthetic import METHODS, TASK, records

from sssam.lab.cli import results, studies
from sssam.lab.specs import Method
from sssam.lab.studies.conduct import Decided
from sssam.lab.studies.design import Grid, Part, Study
from sssam.lab.studies.tune import Choice, Trial

BASE, SAM = METHODS[0], METHODS[2]


def choice(method: Method, means: dict[float, float]) -> Choice:
    trials = tuple(
        Trial(method=method.model_copy(update={"rho": rho}), mean=mean, spread=0.01, n=2)
        for rho, mean in means.items()
    )
    return Choice(grid=Grid(method=method, factors=tuple(means)), method=method, trials=trials)


def shown(sam: dict[float, float], out: Path) -> str:
    """The page of a study with base and SAM, as the commands leave it."""
    choices = [choice(BASE, {}), choice(SAM, sam)]
    part = Part(task=TASK, rows=tuple(each.grid for each in choices))
    study = Study(name="s", parts=(part,), seeds=(0, 1, 2), tuning_seeds=(8, 9))
    held = {record.id: record for record in records([BASE, SAM], range(3))}
    results.shown(studies.Meant(study, out), [Decided(part, choices)], held, True, "")
    return (out / "comparison.html").read_text(encoding="utf-8")


def test_what_a_study_tried_is_drawn_and_not_what_is_kept(tmp_path: Path) -> None:
    page = shown({0.1: 0.85, 0.4: 0.91, 7.0: 0.4}, tmp_path)
    assert "against rho, from 0.1 to 7; chosen were: SAM 0.4." in page
    assert "over 2 seeds that the comparison does not use" in page


def test_where_a_study_tried_one_radius_what_is_kept_is_drawn(tmp_path: Path) -> None:
    page = shown({0.4: 0.91}, tmp_path)
    assert "against rho, from 0.05 to 1.1; chosen were: SAM 0.4." in page
