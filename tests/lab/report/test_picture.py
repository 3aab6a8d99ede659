"""The pictures of README and of docs/rho.md show the numbers of their records."""

import re

from docs import make_tables, radii


def numbers(svg: bytes) -> list[str]:
    """What each mark of a drawing says when it is read aloud."""
    return sorted(re.findall(r'aria-label="([^"]*variant: [^"]*)"', svg.decode()))


def test_the_picture_of_readme_is_that_of_its_records() -> None:
    kept = numbers(make_tables.PICTURE.read_bytes())
    assert len(kept) > 10
    assert kept == numbers(make_tables.picture()), "run `python docs/make_tables.py`"
    assert make_tables.PICTURE.name in (make_tables.ROOT / "README.md").read_text()


def test_the_radii_of_auto_are_those_of_their_records() -> None:
    def marks(svg: bytes) -> list[str]:
        return re.findall(r'aria-label="(progress of the run: [^"]*)"', svg.decode())

    drawn = radii.picture()
    assert len(marks(drawn)) > 100
    assert marks(radii.PICTURE.read_bytes()) == marks(drawn), "run `python docs/radii.py`"
    page = (make_tables.ROOT / "docs" / "rho.md").read_text()
    (said,) = re.findall(rf"!\[([^]]*)\]\({radii.PICTURE.name}\)", page)
    assert f"aria-label='{said}'" in drawn.decode()
