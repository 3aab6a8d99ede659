"""A comparison with all figures, its page, and a browser, once for each test file."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import written
from made import made

from sssam.lab.comparison.values import Comparison
from sssam.lab.report import page as pages

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return made()


@pytest.fixture(scope="module")
def address(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(pages.page(comparison), tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright to browse with")
    if CHROMIUM is None:
        pytest.skip("no chromium to draw the page with")
    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox", "--disable-gpu"]
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()
