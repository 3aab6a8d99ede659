"""The flatness of a study: part of its records, a mean for each variant, reported if absent."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import BASE, SAM, SSSAM, TASK

from sssam.lab.comparison.values import Comparison
from sssam.lab.report import page as pages
from sssam.lab.report.figures import figures
from sssam.lab.report.files import svg
from sssam.lab.report.table import flatness as cells
from sssam.lab.report.table import markdown
from sssam.lab.runs import dispatch
from sssam.lab.runs import store as records
from sssam.lab.runs.worker import Settings
from sssam.lab.specs.flatness import FlatnessSettings
from sssam.lab.studies import conduct, design, studyfile
from sssam.lab.studies.design import Part, Study, Tunable
from sssam.lab.training import flatness

PLAN = FlatnessSettings(
    samples=32, eigenvalues=2, probes=2, radii=(0.1,), adaptive_radii=(1.0,), steps=1
)
STUDY = Study(
    name="tiny",
    parts=(
        Part(
            task=TASK,
            base=Tunable(method=BASE),
            variants=(Tunable(method=SAM), Tunable(method=SSSAM)),
        ),
    ),
    seeds=(0, 1),
    flatness=PLAN,
)
RUNS = design.runs(TASK, (BASE, SAM, SSSAM), (0, 1))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a study whose runs were trained and measured."""
    folder = tmp_path_factory.mktemp("study")
    dispatch.run_missing(RUNS, folder / "records", settings=Settings(flatness=PLAN))
    return folder


def compared(directory: Path, asked: Study = STUDY) -> Comparison:
    found = records.read_all(directory / "records").by_id
    return conduct.compared(asked, conduct.undecided(asked, asked.parts[0]), found.values())


@pytest.fixture(scope="module")
def comparison(directory: Path) -> Comparison:
    return compared(directory)


def test_a_record_without_flatness_is_reported_and_not_trained_again(tmp_path: Path) -> None:
    dispatch.run_missing(RUNS, tmp_path / "records")
    again = dispatch.run_missing(RUNS, tmp_path / "records", settings=Settings(flatness=PLAN)).by_id
    assert {record.flatness for record in again.values()} == {None}
    found = compared(tmp_path)
    assert cells(found) == []
    assert found.without_flatness == {"trained before it was asked for": 6}


def test_a_measurement_that_fails_has_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverged(*_: object) -> None:
        raise FloatingPointError("the loss is not finite")

    monkeypatch.setattr(flatness, "measure", diverged)
    dispatch.run_missing(RUNS, tmp_path / "records", settings=Settings(flatness=PLAN))
    ((reason, count),) = compared(tmp_path).without_flatness.items()
    assert reason.startswith("FloatingPointError: the loss is not finite")
    assert count == 6


def test_variants_are_means_over_seeds(comparison: Comparison, directory: Path) -> None:
    found = records.read_all(directory / "records").by_id
    tops = [
        flat.eigenvalues[0]
        for each in RUNS
        if each.method == SAM and (flat := found[each.id].flatness)
    ]
    assert len(tops) == 2
    flat = comparison.variants[1].flatness
    assert flat is not None
    assert flat.eigenvalue.mean == pytest.approx(sum(tops) / 2)
    assert flat.eigenvalue.low is not None
    assert flat.eigenvalue.low < min(tops)
    assert flat.n == 2
    assert [(rise.rho, rise.adaptive) for rise in flat.rises] == [(0.1, False), (1.0, True)]


def test_a_rise_without_bound_in_one_run_is_no_number_of_the_variant(
    comparison: Comparison, directory: Path
) -> None:
    found = records.read_all(directory / "records").by_id
    one = found[RUNS[-1].id]
    assert one.flatness is not None
    plain, adaptive = one.flatness.rises
    rises = (plain.model_copy(update={"worst": None}), adaptive)
    flat = one.flatness.model_copy(update={"rises": rises})
    found[one.id] = one.model_copy(update={"flatness": flat})
    again = conduct.compared(STUDY, conduct.undecided(STUDY, STUDY.parts[0]), found.values())
    flat = again.variants[-1].flatness
    assert flat is not None
    assert flat.rises[0].worst is None
    assert flat.rises[1].worst == comparison.variants[-1].flatness.rises[1].worst


def test_flatness_by_another_plan_is_not_mixed_in(directory: Path) -> None:
    other = STUDY.model_copy(update={"flatness": PLAN.model_copy(update={"steps": 2})})
    assert cells(compared(directory, other)) == []


def test_the_page_and_the_markdown_show_it(comparison: Comparison) -> None:
    page = pages.page(comparison)
    for piece in ('id="flat"', "top eigenvalue", "adaptive rise"):
        assert piece in page
    assert "| training loss | top eigenvalue | trace | rise, \N{GREEK SMALL LETTER RHO} 0.1 |" in (
        markdown(comparison)
    )
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison


def test_a_study_without_flatness_shows_none(directory: Path) -> None:
    plain = compared(directory, STUDY.model_copy(update={"flatness": None}))
    assert 'id="flat"' not in pages.page(plain)
    assert "eigenvalue" not in markdown(plain)
    assert plain.without_flatness == {}


def test_a_figure_as_svg_is_read_aloud(comparison: Comparison) -> None:
    for figure in figures(comparison):
        drawn = svg(figure.chart())
        assert "<svg " in drawn[:200]
        assert ' role="img" aria-label=' in drawn[: drawn.index(">")]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(flat: str) -> Path:
        path = tmp_path / "study.toml"
        path.write_text(
            f'tasks = ["noisy-digits"]\nseeds = 2\n{flat}\n[[variants]]\nkind = "sam"\n'
        )
        return path

    return write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("flatness = false", None),
        ("flatness = true", (512, 1, (0.1,))),
        ("flatness = {samples = 64, radii = [0.2]}", (64, 1, (0.2,))),
        ("flatness = {radii = [0.1, 0.5], eigenvalues = 3}", (512, 3, (0.1, 0.5))),
    ],
)
def test_a_study_file_asks_for_it(
    written: Callable[[str], Path], text: str, expected: object
) -> None:
    plan = studyfile.read(written(text)).flatness
    assert (plan and (plan.samples, plan.eigenvalues, plan.radii)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flatness = 3", "flatness must be .*, not 3"),
        ("flatness = {radius = 1}", "flatness: unknown key 'radius'"),
        ("flatness = {radii = []}", r"flatness, radii: .*not \[\]"),
        ("flatness = {radii = 0.2}", "flatness, radii must be .*, not 0.2"),
    ],
)
def test_what_no_flatness_can_be_is_refused(
    written: Callable[[str], Path], text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=f"study.toml: {message}"):
        studyfile.read(written(text))
