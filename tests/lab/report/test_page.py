"""The page is whole in itself, inert and small; what a browser makes of it is in test_page.py."""

import json
import re
from base64 import b64decode
from pathlib import Path

import pytest
from made import CHOSEN, LATE, made
from PIL import Image
from synthetic import ACCURACY, METHODS, TASK, records, scheduled

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Claim, Comparison
from sssam.lab.report import figures, files
from sssam.lab.report import page as pages
from sssam.lab.report.html import typeset
from sssam.lab.report.sentences import headline
from sssam.lab.report.table import cells, markdown
from sssam.lab.report.text import claim_p
from sssam.lab.specs import Method
from sssam.lab.stats import Interval
from sssam.schedules import constant

EVIL = "</script><script>alert('1')</script>|<!--"


@pytest.fixture(scope="module")
def page(comparison: Comparison) -> str:
    return pages.page(comparison)


def evil() -> Comparison:
    """Variants, a task and a text that would be scripts where they are not escaped."""
    methods = (*METHODS[:3], Method(label=EVIL, kind="sssam", rho=0.4, schedule=_SCHEDULE))
    task = TASK.model_copy(update={"name": EVIL})
    found = records(methods, range(4), {**ACCURACY, EVIL: 93.4}, task=task)
    return compare(task, methods, range(4), found).model_copy(update={"note": EVIL})


_SCHEDULE = METHODS[5].schedule


def test_the_page_begins_with_the_headline(page: str, comparison: Comparison) -> None:
    heading = page[page.index("<h1>") : page.index("</h1>")]
    assert "late half 1/8 ascent gains +" in heading
    assert str(typeset("1.06 times the base's passes and 1.08 times its seconds")) in heading
    assert page.index("A pass is a forward and a backward pass") < page.index("<figure")
    assert page.index("<h1>") < page.index("<figure")


def test_the_page_asks_no_host_for_anything(page: str) -> None:
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)=["']?(?!#|data:|[a-z]+\.[a-z]+["'])[^"'\s>]+""", markup)
    assert not re.findall(r"url\(|@import", markup)
    assert "default-src 'none'" in markup


def test_every_figure_has_words_for_it(page: str) -> None:
    labels = re.findall(
        r'class="chart" data-figure="([^"]+)" role="img" aria-label="([^"]+)"', page
    )
    assert len(labels) == 5
    assert all(re.search(r"\d", words) for _, words in labels)


def test_the_page_says_how_it_was_measured(page: str) -> None:
    for words in (
        "weight decay in 0.1, 0.2",
        "10, 11: each fixes",
        "a processor",
        "torch 2.13.0",
    ):
        assert words in page


def test_the_embedded_specifications_are_json_without_tags(page: str) -> None:
    found = re.search(r'id="specifications">(.*?)</script>', page, flags=re.DOTALL)
    assert found is not None
    assert "<" not in found[1]
    assert list(json.loads(found[1])["accuracy-against-cost"]) == ["passes", "seconds"]


def test_a_page_that_is_sent_alone_has_its_data(page: str, comparison: Comparison) -> None:
    found = re.search(
        r'href="data:application/json;base64,([^"]+)" download="comparison.json"', page
    )
    assert found is not None
    assert Comparison.model_validate_json(b64decode(found[1])) == comparison


def test_the_page_says_what_its_seeds_detect_and_which_were_added(comparison: Comparison) -> None:
    later = comparison.model_copy(update={"seeds_added": (10, 11)})
    page = pages.page(later)
    assert "is detected 80% of the time" in page
    assert "Added after the study was fixed: 2 seeds." in page


def test_names_are_inert() -> None:
    page = pages.page(evil())
    assert "alert(" in page
    assert not re.search(r"<script>alert", page)
    assert page.count("<script") == 3
    assert page.count("</script>") == 3


def test_names_are_inert_in_markdown() -> None:
    text = markdown(evil())
    assert "<script" not in text
    assert {line.count(" | ") for line in table_lines(text)} == {len(cells(evil())[0]) - 1}


def table_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")]


def test_markdown_holds_headline_table_and_remarks(comparison: Comparison) -> None:
    text = markdown(comparison)
    assert text.startswith(f"**{headline(comparison)}**\n\n| variant | accuracy | over base |")
    assert len(table_lines(text)) == 2 + len(CHOSEN)
    assert "- Tuned on validation data, 3 trials on 2 seeds" in text


def test_what_is_beside_sam_stands_only_where_its_gain_is_clear(comparison: Comparison) -> None:
    names = [[cell.name for cell in line] for line in cells(comparison)]
    assert all(each == names[0] for each in names)
    assert names[0][4:] == ["passes", "seconds", "over SAM", "share of SAM's gain"]
    small = [cell.name for cell in cells(made({"SAM": 92.4}))[0]]
    assert small == ["variant", "accuracy", "over base", "over best control", "passes", "seconds"]


def test_a_claim_names_its_control_and_p_value(comparison: Comparison) -> None:
    line = next(line for line in cells(comparison) if line[0].text == LATE.label)
    cell = next(cell for cell in line if cell.name == "over best control")
    assert cell.words == "+0.88 [+0.59, +1.18] to base EMA, p < 0.001"
    assert (cell.strong, cell.best) == (True, "high")


def test_a_p_value_against_another_control_names_it() -> None:
    claim = Claim(
        control="base EMA",
        difference=Interval(0.4, -0.1, 0.9, 12),
        hardest="base SWA",
        to_hardest=Interval(0.2, -0.3, 0.7, 12),
        adjusted=0.3,
    )
    assert claim_p(claim) == "p = 0.300 against base SWA"
    assert claim_p(claim.model_copy(update={"hardest": "base EMA"})) == "p = 0.300"
    assert claim_p(claim.model_copy(update={"adjusted": None})) == ""


def test_seconds_have_the_interval_of_the_whole_run(comparison: Comparison) -> None:
    line = next(line for line in cells(comparison) if line[0].text == "SAM")
    assert next(cell.words for cell in line if cell.name == "seconds") == "2.04 [2.03, 2.05]"


def test_runs_have_a_column_where_some_did_not_finish() -> None:
    some = records(METHODS[:3], range(4))[:-1]
    line = cells(compare(TASK, METHODS[:3], range(4), some))[-1]
    assert (line[-1].name, line[-1].words) == ("runs", "3 1 missing")


@pytest.fixture(scope="module")
def written(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return pages.write(comparison, tmp_path_factory.mktemp("report") / "new")


def test_all_files_are_written(comparison: Comparison, written: list[Path]) -> None:
    page, markdown_, json_, *others = written
    assert Comparison.model_validate_json(json_.read_text()) == comparison
    assert markdown_.read_text() == markdown(comparison)
    assert len(others) == 2 * 7  # passes and seconds are two
    assert all(path.stat().st_size for path in written)
    assert {path for path in page.parent.rglob("*") if path.is_file()} == set(written)


def test_figures_are_vectors_and_pixels_fit_for_print(
    written: list[Path], comparison: Comparison, tmp_path: Path
) -> None:
    pypdf = pytest.importorskip("pypdf", reason="no pypdf to measure pages with")
    svg, pdf = written[3:5]
    chart = next(iter(figures.figures(comparison)[0].charts().values()))
    (png,) = files.save(chart, tmp_path / "main.png")
    assert svg.name == "accuracy-against-cost-passes.svg"
    assert "<text" in svg.read_text()  # letters stay letters
    assert "var(--" not in svg.read_text()  # a file has no style sheet
    assert pdf.read_bytes().startswith(b"%PDF")
    with Image.open(png) as picture:
        assert picture.width >= 6.5 * 300  # dots across a page's text, at 300 an inch
        sides = picture.size, picture.info["dpi"]
        inches = [side / round(dots) for side, dots in zip(*sides, strict=True)]
    (page,) = pypdf.PdfReader(pdf).pages
    assert [float(side) / 72 for side in page.mediabox[2:]] == pytest.approx(inches, abs=0.01)
    assert inches[0] == pytest.approx(7.6)  # letters of 13 pixels are then of 9 points


def test_a_study_without_records_still_gives_a_page(tmp_path: Path) -> None:
    page, *others = pages.write(compare(TASK, METHODS, range(2), []), tmp_path)
    assert len(others) == 2  # no figure
    assert "22 of 22 runs missing" in page.read_text()


def test_the_page_names_the_command_or_the_one_given(comparison: Comparison) -> None:
    page = pages.page(comparison)  # a task that no command line names
    assert 'aria-label="The command"' not in page
    page = pages.page(comparison, command="sssam run <study>.toml")
    assert "sssam run &lt;study&gt;.toml</code></pre>" in page


def test_a_hundred_variants_fit_into_three_megabytes() -> None:
    more = [scheduled(f"constant {i}", constant(i / 100)) for i in range(1, 98)]
    methods = (*METHODS[:3], *more)
    page = pages.page(compare(TASK, methods, range(2), records(methods, range(2))))
    assert len(page.encode()) < 3_000_000
    assert "Drawn are 12 of 100 variants." in page
