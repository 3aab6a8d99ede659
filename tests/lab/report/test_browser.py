"""What a real browser makes of the page: it draws, asks no host, reads well and prints."""

import io
from pathlib import Path
from typing import Any

import pytest
from browsing import NARROW, WIDE, Visit, written
from synthetic import METHODS, TASK, records, scheduled
from test_page import EVIL, evil

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.details import VariantFlatness, VariantRise
from sssam.lab.comparison.values import Comparison
from sssam.lab.report import page as pages
from sssam.lab.stats import Interval
from sssam.schedules import constant

FIGURES = 5


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_it_draws_every_figure_and_asks_no_host(browser: Any, address: str, width: int) -> None:
    with Visit(browser, width).to(address) as visit:
        assert visit.complaints == []
        assert [url for url in visit.asked if not url.startswith("data:")] == [address]
        drawn = visit.page.locator(".chart svg.marks")
        assert drawn.count() == FIGURES
        boxes = [chart.bounding_box() for chart in drawn.all()]
        assert all(box["width"] > width * 0.7 and box["height"] > 200 for box in boxes)
        marks = visit.page.locator(".chart svg .mark-symbol path, .chart svg .mark-line path")
        assert marks.count() > 60


def test_it_never_scrolls_sideways(browser: Any, address: str) -> None:
    with Visit(browser, WIDE).to(address) as visit:
        for width in (WIDE, 800, 600, NARROW, 320):
            visit.page.set_viewport_size({"width": width, "height": 900})
            visit.page.wait_for_function(
                "width => document.documentElement.scrollWidth <= width", arg=width
            )


@pytest.mark.parametrize(("width", "scheme"), [(NARROW, "light"), (WIDE, "dark")])
def test_axe_finds_nothing(browser: Any, address: str, width: int, scheme: str) -> None:
    with Visit(browser, width, scheme).to(address) as visit:
        assert found_by_axe(visit) == ""
        paper = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(253, 253, 252)" if scheme == "light" else "rgb(20, 23, 29)")


def found_by_axe(visit: Visit) -> str:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core")
    found = axe.Axe().run(visit.page)
    return str(found.generate_report()) if found.violations_count else ""


def test_axe_would_find_something(browser: Any, address: str) -> None:
    with Visit(browser, WIDE).to(address) as visit:
        visit.page.evaluate("document.querySelector('.note').style.color = '#ccc'")
        assert "contrast" in found_by_axe(visit)


@pytest.mark.parametrize(
    ("kind", "width"), [("address", NARROW), ("address", WIDE), ("flat_address", 800)]
)
def test_it_prints_on_six_pages_at_most(
    browser: Any, request: pytest.FixtureRequest, kind: str, width: int
) -> None:
    pypdf = pytest.importorskip("pypdf", reason="no pypdf to count pages with")
    with Visit(browser, width, "dark").to(request.getfixturevalue(kind)) as visit:
        content = visit.page.pdf(prefer_css_page_size=True, print_background=True)
    printed = pypdf.PdfReader(io.BytesIO(content))
    first = printed.pages[0]
    assert len(printed.pages) <= 6
    assert [round(float(side)) for side in first.mediabox[2:]] == [595, 842]  # A4, in points
    assert "times its seconds" in first.extract_text()


def test_a_long_table_breaks_over_pages_beneath_its_header(browser: Any, tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf", reason="no pypdf to read pages with")
    methods = [*METHODS, *(scheduled(f"more {i}", constant(i / 12)) for i in range(1, 12))]
    page = pages.page(compare(TASK, methods, range(3), records(methods, range(3))))
    with Visit(browser, WIDE).to(written(page, tmp_path)) as visit:
        content = visit.page.pdf(prefer_css_page_size=True, print_background=True)
    texts = [sheet.extract_text() for sheet in pypdf.PdfReader(io.BytesIO(content)).pages]
    assert len(texts) <= 6
    assert all("over base over best control" in text for text in texts[:2])


def test_on_paper_no_table_fades(browser: Any, address: str) -> None:
    with Visit(browser, NARROW).to(address) as visit:
        visit.page.wait_for_selector("#variants ~ .scroll[data-more]")
        masks = []
        for media in ("screen", "print"):
            visit.page.emulate_media(media=media)
            masks.append(
                visit.page.evaluate(
                    "getComputedStyle(document.querySelector('#variants ~ .scroll')).maskImage"
                )
            )
        assert masks[0].startswith("linear-gradient")
        assert masks[1] == "none"


def flat(comparison: Comparison) -> Comparison:
    """With flatness as a study would measure it."""

    def measured(place: int) -> VariantFlatness:
        value = Interval(1.0 + place, 0.8 + place, 1.2 + place, 20)
        rises = (
            VariantRise(rho=0.1, adaptive=False, worst=value),
            VariantRise(rho=1, adaptive=True, worst=None),
        )
        numbers = {"loss": value, "eigenvalue": value, "trace": value}
        return VariantFlatness(n=20, rises=rises, **numbers)

    variants = [
        variant.model_copy(update={"flatness": measured(i)})
        for i, variant in enumerate(comparison.variants)
    ]
    return comparison.model_copy(update={"variants": tuple(variants)})


@pytest.fixture(scope="module")
def flat_address(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(pages.page(flat(comparison)), tmp_path_factory.mktemp("flat"))


def test_flatness_reads_well_too(browser: Any, flat_address: str) -> None:
    with Visit(browser, NARROW, "light").to(flat_address) as visit:
        assert visit.complaints == []
        assert [url for url in visit.asked if not url.startswith("data:")] == [flat_address]
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= NARROW
        assert found_by_axe(visit) == ""
        rows = visit.page.locator("#flat ~ .scroll tbody tr")
        assert rows.count() == visit.page.locator("#variants ~ .scroll tbody tr").count()


def test_a_table_that_goes_on_fades_until_its_end_is_in_sight(browser: Any, address: str) -> None:
    with Visit(browser, NARROW).to(address) as visit:
        region = visit.page.locator("#variants ~ .scroll")
        assert region.get_attribute("data-more") == ""
        region.evaluate("region => region.scrollLeft = region.scrollWidth")
        visit.page.wait_for_selector("#variants ~ .scroll:not([data-more])")
        visit.page.set_viewport_size({"width": 1500, "height": 900})
        visit.page.wait_for_selector("#variants ~ .scroll:not([data-more])")


def test_names_are_inert(browser: Any, tmp_path: Path) -> None:
    with Visit(browser, WIDE).to(written(pages.page(evil()), tmp_path)) as visit:
        assert visit.complaints == []
        labels = visit.page.locator("#variants ~ .scroll tbody th").all_inner_texts()
        assert EVIL in labels
        texts = visit.page.locator(".chart svg text").all_text_contents()
        assert any(EVIL in text for text in texts)  # not as a tag, so it is drawn whole
