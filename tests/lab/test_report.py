"""The page is whole in itself, inert, small, and drawn in a real browser where one is there."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from synthetic import ACCURACY, METHODS, TASK, records

from sssam.lab import report
from sssam.lab.compare import compare
from sssam.lab.comparison import Comparison
from sssam.lab.specs import Method
from sssam.lab.table import cells, columns, markdown

EVIL = "</script><script>alert('1')</script>|<!--"


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(TASK, METHODS, range(20), records(), tuning="rho was chosen by `a script`.")


@pytest.fixture(scope="module")
def page(comparison: Comparison) -> str:
    return report.page(comparison)


def evil() -> Comparison:
    methods = (*METHODS[:3], Method(label=EVIL, kind="sssam", rho=0.4, schedule=_SCHEDULE))
    task = TASK.model_copy(update={"name": EVIL})
    made = records(methods, range(4), {**ACCURACY, EVIL: 93.4}, task=task)
    return compare(task, methods, range(4), made, tuning=EVIL)


_SCHEDULE = METHODS[5].schedule


def test_the_page_begins_with_the_headline(page: str, comparison: Comparison) -> None:
    heading = page[page.index("<h1>") : page.index("</h1>")]
    assert "late half 1/8 ascent keeps SAM\N{RIGHT SINGLE QUOTATION MARK}s gain" in heading
    assert "at 1.06 propagations a step instead of 2.00" in heading
    assert page.index("<h1>") < page.index("<figure")


def test_the_page_asks_no_host_for_anything(page: str) -> None:
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)=["']?(?!data:)[^"'\s>]+""", markup)
    assert not re.findall(r"url\(|@import", markup)
    assert "default-src 'none'" in markup


def test_the_page_is_no_larger_than_three_megabytes(page: str) -> None:
    assert len(page.encode()) < 3_000_000


def test_every_figure_has_words_for_it(page: str) -> None:
    labels = re.findall(
        r'class="chart" data-figure="([^"]+)" role="img" aria-label="([^"]+)"', page
    )
    assert len(labels) == 5
    assert all(re.search(r"\d", words) for _, words in labels)


def test_the_page_says_how_it_was_measured(page: str) -> None:
    for words in ("rho was chosen by", "20 seeds: 0 to 19", "a processor, 2 cores", "torch 2.13.0"):
        assert words in page


def test_the_embedded_specifications_are_json_without_tags(page: str) -> None:
    found = re.search(r'id="specifications">(.*?)</script>', page, flags=re.DOTALL)
    assert found is not None
    assert "<" not in found[1]
    assert "accuracy-against-propagations" in json.loads(found[1])


def test_names_are_inert() -> None:
    page = report.page(evil())
    assert "alert(" in page
    assert not re.search(r"<script>alert", page)
    assert page.count("<script") == 3
    assert page.count("</script>") == 3


def test_names_are_inert_in_markdown() -> None:
    text = markdown(evil())
    assert "<script" not in text
    assert all(line.count(" | ") == len(columns(evil())) - 1 for line in table_lines(text))


def table_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")]


def test_markdown_holds_headline_table_and_remarks(comparison: Comparison) -> None:
    text = markdown(comparison)
    assert text.startswith(f"**{comparison.headline}** {comparison.support}\n\n| row | accuracy |")
    assert len(table_lines(text)) == 2 + len(METHODS)
    assert "- 20 seeds find a true difference to SAM of " in text


def test_all_rows_have_the_same_cells(comparison: Comparison) -> None:
    names = columns(comparison)
    assert all([cell.name for cell in cells(row)] == names for row in comparison.rows)


def test_all_files_are_written(comparison: Comparison, tmp_path: Path) -> None:
    written = report.write(comparison, tmp_path / "new")
    assert Comparison.model_validate_json(written.json.read_text()) == comparison
    assert written.svg is not None
    assert written.svg.read_bytes().startswith(b"<svg")
    assert written.png is not None
    assert written.png.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.suffix for path in written.page.parent.iterdir()) == [
        ".html",
        ".json",
        ".md",
        ".png",
        ".svg",
    ]


def test_a_study_without_records_still_gives_a_page(tmp_path: Path) -> None:
    written = report.write(compare(TASK, METHODS, range(2), []), tmp_path)
    assert written.svg is None
    assert "22 of 22 runs are missing" in written.page.read_text()


PROBE = """<script>
setTimeout(() => top.postMessage(JSON.stringify({
  charts: document.querySelectorAll(".chart svg").length,
  requests: performance.getEntriesByType("resource").filter((r) => !/^data:/.test(r.name)).length,
  overflow: document.documentElement.scrollWidth - innerWidth,
  width: innerWidth,
  sorted: (() => {
    const button = [...document.querySelectorAll("table.rows th button")]
      .find((b) => b.textContent === "to SAM");
    button.click(); button.click();
    return [...document.querySelectorAll("table.rows tbody th")].map((th) => th.textContent);
  })(),
}), "*"), 3000);
</script></body></html>"""

FRAME = """<body style="margin:0"><script>
addEventListener("message", (event) => { document.body.dataset.seen = event.data; });
</script><iframe src="page.html" style="border:0;width:WIDTHpx;height:2000px"></iframe></body>"""


def browsed(page: str, folder: Path, width: int) -> tuple[dict, str]:
    """What a browser says of the page in a frame of that width, and what it complained of."""
    body, _, _ = page.rpartition("</body>")
    (folder / "page.html").write_text(body + PROBE)
    (folder / "frame.html").write_text(FRAME.replace("WIDTH", str(width)))
    options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    options += " --disable-background-networking --disable-component-update"
    options += f" --enable-logging=stderr --virtual-time-budget=9000 --user-data-dir={folder}/user"
    address = (folder / "frame.html").as_uri()
    command = [_CHROMIUM or "", *options.split(), "--window-size=1400,2200", "--dump-dom", address]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'data-seen="([^"]+)"', ended.stdout)
    assert found is not None, ended.stderr[-2000:]
    seen = json.loads(html.unescape(found[1]))
    return seen, "\n".join(line for line in ended.stderr.splitlines() if "CONSOLE" in line)


_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(_CHROMIUM is None, reason="no chromium to draw the page with")


@needs_browser
@pytest.mark.parametrize("width", [360, 1200])
def test_a_browser_draws_the_page(page: str, tmp_path: Path, width: int) -> None:
    seen, complaints = browsed(page, tmp_path, width)
    assert complaints == ""
    assert seen["charts"] == 5
    assert seen["requests"] == 0
    assert seen["width"] == width
    assert seen["overflow"] <= 0
    assert seen["sorted"][0] == "SS-SAM late half"
    assert seen["sorted"][-1] == "SAM"


@needs_browser
def test_a_browser_finds_names_inert(tmp_path: Path) -> None:
    seen, complaints = browsed(report.page(evil()), tmp_path, 1200)
    assert complaints == ""
    assert EVIL in seen["sorted"]
