"""The pictures of README and of the pages show the numbers of their records."""

import itertools
import re
import runpy

import pytest

from docs import fine_tuning, make_tables, radii
from sssam.lab import stats


def numbers(svg: bytes) -> list[str]:
    """What each mark of a drawing says when it is read aloud."""
    return sorted(re.findall(r'aria-label="([^"]*variant: [^"]*)"', svg.decode()))


def test_the_picture_of_the_demo_is_that_of_its_records() -> None:
    kept = numbers(make_tables.PICTURE.read_bytes())
    assert len(kept) > 10
    assert kept == numbers(make_tables.picture()), "run `python docs/make_tables.py`"
    assert make_tables.PICTURE.name in (make_tables.ROOT / "docs/findings.md").read_text()


def test_the_picture_of_fine_tuning_is_that_of_its_records() -> None:
    drawn = fine_tuning.picture()
    marks = re.findall(r'aria-label="(percent[^"]*|task[^"]*|fewer errors[^"]*)"', drawn.decode())
    assert len(marks) > 20
    assert fine_tuning.PICTURE.read_bytes() == drawn, "run `python docs/fine_tuning.py`"
    assert fine_tuning.PICTURE.name in (make_tables.ROOT / "README.md").read_text()


def test_the_means_over_the_fine_tuning_tasks_are_those_of_the_records() -> None:
    script = runpy.run_path(str(make_tables.ROOT / "studies/evidence/fine_tuning.py"))
    studies = {name: script["reached"](script["HERE"] / name) for name in script["STUDIES"]}

    def said(control: str, sign: int = 1, without: str = "") -> str:
        taken = [study for name, study in studies.items() if name != without]
        parts = [script["less"](study, "late half 1/8, EMA", control) for study in taken]
        mean = stats.pooled(parts)
        low, high = sorted([sign * mean.low, sign * mean.high])
        return f"{sign * mean.mean:.1f}% [{low:.1f}, {high:.1f}]"

    def repeated(control: str, sign: int = 1) -> str:
        mean = stats.pooled(script["repeated"](studies, "late half 1/8, EMA", control))
        low, high = sorted([sign * mean.low, sign * mean.high])
        return f"{sign * mean.mean:.1f}% [{low:.1f}, {high:.1f}]"

    quoted = [repeated("base"), repeated("base EMA"), repeated("base 2x length, EMA", -1)]
    quoted += [said("SAM"), said("SAM", without="sequences-long")]
    for name in ("README.md", "docs/findings.md"):
        text = (make_tables.ROOT / name).read_text()
        assert [each for each in quoted if each not in text] == []
    assert all(said(control) in text for control in ("base", "base EMA", "SAM, EMA"))


def test_the_claims_of_study_a_are_those_of_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_tables.ROOT / "studies/evidence"
    monkeypatch.syspath_prepend(folder)
    script = runpy.run_path(str(folder / "schedules.py"))
    kept = [script["reached"](folder / name) for name in script["STUDIES"]]
    parts = {
        name: [script["difference"](study, weights) for study in kept]
        for name, (weights, _) in script["claims"]().items()
        if name[0] == "A" or name == "late half 1/8 - base"
    }
    again = parts.pop("late half 1/8 - base")
    for i, study in enumerate(script["STUDIES"]):
        page = (folder / study / "README.md").read_text()
        assert [name for name, each in parts.items() if f"{each[i].mean:.2f}" not in page] == []
    for each in parts.values():
        mean = stats.pooled(each)
        assert f"| {mean.mean:.2f} ({mean.low:.2f} to {mean.high:.2f}) |" in page
    for name in ("README.md", "docs/findings.md"):
        text = (make_tables.ROOT / name).read_text()
        rising = stats.pooled(parts["A1 linear rising - SAM"])
        for each in (*again, rising):
            assert f"{each.mean:.1f}% [{each.low:.1f}, {each.high:.1f}]" in text


def test_the_claims_from_scratch_are_those_of_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_tables.ROOT / "studies/evidence"
    monkeypatch.syspath_prepend(folder)
    script = runpy.run_path(str(folder / "averages.py"))
    studies = {name: script["reached"](folder / name) for name in script["STUDIES"]}
    means = {c: stats.pooled(p) for c, p in script["differences"](studies).items()}
    page = (folder / script["STUDIES"][-1] / "README.md").read_text()
    for mean in means.values():
        assert f"| {mean.mean:.2f} ({mean.low:.2f} to {mean.high:.2f}) |" in page
    more = {c: f"{-m.mean:.1f}% [{-m.high:.1f}, {-m.low:.1f}]" for c, m in means.items()}
    assert more["base"] in (make_tables.ROOT / "README.md").read_text()
    findings = (make_tables.ROOT / "docs/findings.md").read_text()
    assert [each for each in more.values() if each not in findings] == []


def test_the_claims_of_study_c_are_those_of_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_tables.ROOT / "studies/evidence"
    monkeypatch.syspath_prepend(folder)
    script = runpy.run_path(str(folder / "field.py"))
    study = script["reached"](folder / script["STUDY"])
    page = (folder / script["STUDY"] / "README.md").read_text()
    tested = [script["tested"](study, *asked) for asked in script["claims"](study).values()]
    assert list(map(len, tested)) == [13, 14, 4]
    for each, p in itertools.chain(*tested):
        assert f"{each.mean:.2f} ({each.low:.2f} to {each.high:.2f}) | {p:.4f} |" in page


def test_the_claims_of_ire_are_those_of_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_tables.ROOT / "studies/evidence"
    monkeypatch.syspath_prepend(folder)
    script = runpy.run_path(str(folder / "ire.py"))
    found = script["differences"]()
    page = (folder / script["SCRATCH"] / "README.md").read_text()
    for each in found.values():
        assert f"{each.mean:.2f} ({each.low:.2f} to {each.high:.2f})" in page
    quoted = [found["I1"], found["I2"]] + [
        found[f"{script['TEXT']}, {other}"] for other in ("SAM, EMA", "base 2x length, EMA")
    ]
    for name in ("README.md", "docs/findings.md"):
        text = (make_tables.ROOT / name).read_text()
        for each in quoted:
            assert f"{each.mean:.1f}% [{each.low:.1f}, {each.high:.1f}]" in text


def test_the_radii_of_auto_are_those_of_their_records() -> None:
    def marks(svg: bytes) -> list[str]:
        return re.findall(r'aria-label="(progress of the run: [^"]*)"', svg.decode())

    drawn = radii.picture()
    assert len(marks(drawn)) > 100
    assert marks(radii.PICTURE.read_bytes()) == marks(drawn), "run `python docs/radii.py`"
    page = (make_tables.ROOT / "docs" / "rho.md").read_text()
    (said,) = re.findall(rf"!\[([^]]*)\]\({radii.PICTURE.name}\)", page)
    assert f"aria-label='{said}'" in drawn.decode()
