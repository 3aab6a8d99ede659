"""README's picture shows the numbers of its study's comparison."""

import re

from docs import make_tables


def numbers(svg: bytes) -> list[str]:
    """What each mark of a drawing says when it is read aloud."""
    return sorted(re.findall(r'aria-label="([^"]*variant: [^"]*)"', svg.decode()))


def test_the_picture_of_readme_is_that_of_its_records() -> None:
    kept = numbers(make_tables.PICTURE.read_bytes())
    assert len(kept) > 10
    assert kept == numbers(make_tables.picture()), "run `python docs/make_tables.py`"
    assert make_tables.PICTURE.name in (make_tables.ROOT / "README.md").read_text()
