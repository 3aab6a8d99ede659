"""What a reader can do on the page: sort, switch variants off, change the axis, point at them."""

from typing import Any

from browsing import NARROW, WIDE, Visit


def labels(visit: Visit) -> list[str]:
    return visit.page.locator("#variants ~ .scroll tbody th").all_inner_texts()


def numbers(visit: Visit) -> list[float]:
    cells = visit.page.locator("#variants ~ .scroll tbody td:nth-child(3)")
    keys = [cell.get_attribute("data-sort") for cell in cells.all()]
    return [float(key) for key in keys if key]


def test_the_first_click_on_a_score_sorts_the_best_first(browser: Any, address: str) -> None:
    with Visit(browser, WIDE).to(address) as visit:
        before = labels(visit)
        for name, first in (("over base", "descending"), ("passes", "ascending")):
            header = visit.page.get_by_role("columnheader", name=name).first
            assert header.get_attribute("aria-sort") == "none"
            header.get_by_role("button").click()
            assert header.get_attribute("aria-sort") == first
        visit.page.get_by_role("button", name="over base").first.click()
        assert numbers(visit) == sorted(numbers(visit), reverse=True)
        visit.page.get_by_role("button", name="over base").first.click()
        assert numbers(visit) == sorted(numbers(visit))
        assert labels(visit)[-1] == "base"  # has no difference to itself
        assert sorted(labels(visit)) == sorted(before)


def test_the_table_sorts_by_keyboard_alone(browser: Any, address: str) -> None:
    with Visit(browser, NARROW).to(address) as visit:
        visit.page.locator("#variants ~ .scroll").focus()
        for _ in range(3):  # variant, accuracy, over base
            visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Enter")
        assert numbers(visit) == sorted(numbers(visit), reverse=True)
        visit.page.keyboard.press("Space")
        assert numbers(visit) == sorted(numbers(visit))


def test_one_click_makes_seconds_the_axis(browser: Any, address: str) -> None:
    with Visit(browser, WIDE).to(address) as visit:
        figure = visit.page.locator("#accuracy-against-cost")
        figure.get_by_text("price in passes").wait_for()
        figure.get_by_role("button", name="seconds").click()
        figure.get_by_text("price in seconds").wait_for()
        assert figure.get_by_role("button", name="passes").get_attribute("aria-pressed") == "false"
        assert visit.complaints == []


def test_the_key_switches_a_variant_off_and_on_in_every_figure(browser: Any, address: str) -> None:
    points = "#accuracy-against-cost svg .mark-symbol path"
    count = "n => document.querySelectorAll('" + points + "').length === n"
    with Visit(browser, WIDE).to(address) as visit:
        lines = visit.page.locator("#curves svg .mark-line path")
        before, drawn = visit.page.locator(points).count(), lines.count()
        button = visit.page.locator("#accuracy-against-cost .key").get_by_text("SAM", exact=True)
        button.click()
        visit.page.wait_for_function(count, arg=before - 1)
        assert lines.count() == drawn - 1
        assert button.get_attribute("aria-pressed") == "false"
        other = visit.page.locator("#curves .key").get_by_text("SAM", exact=True)
        assert other.get_attribute("aria-pressed") == "false"
        other.click()
        visit.page.wait_for_function(count, arg=before)


def test_pointing_at_a_variant_shows_its_numbers(browser: Any, address: str) -> None:
    points = "#accuracy-against-cost svg .mark-symbol path"
    with Visit(browser, WIDE).to(address) as visit:
        at = visit.page.evaluate(
            f"[...document.querySelectorAll('{points}')]"
            ".findIndex((path) => path.__data__?.datum?.label === 'late half 1/8 ascent')"
        )
        visit.page.locator(points).nth(at).hover(force=True)
        tip = visit.page.locator("#vg-tooltip-element")
        tip.wait_for()
        assert "late half 1/8 ascent" in tip.inner_text()
        assert "1.062" in tip.inner_text()


def test_a_table_too_wide_for_a_telephone_scrolls_by_keyboard(browser: Any, address: str) -> None:
    with Visit(browser, NARROW).to(address) as visit:
        region = visit.page.locator("#variants ~ .scroll")
        region.focus()
        visit.page.keyboard.press("ArrowRight")
        visit.page.wait_for_function("document.querySelector('.scroll').scrollLeft > 0")
        box = region.locator("tbody th").first.bounding_box()
        assert box["x"] >= 0  # the labels stay in sight
