"""A page in a real browser."""

from pathlib import Path
from typing import Any

WIDE, NARROW = 1280, 360


def written(page: str, folder: Path) -> str:
    """The address of a page as a file."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


class Visit:
    """A page in the browser, cut off from all hosts, with what it asked for and complained of."""

    def __init__(self, browser: Any, width: int, scheme: str = "light") -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            reduced_motion="reduce",
            offline=True,
        )
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))

    def to(self, address: str) -> "Visit":
        self.page.goto(address)
        self.page.wait_for_selector("html[data-drawn]", state="attached", timeout=60_000)
        return self

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
