"""Every figure draws, says its main number in words, and takes its colours from the page."""

import json
import re

import altair as alt
import pytest
from made import CHOSEN, SAM, made
from synthetic import METHODS, TASK, records, scheduled

from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Comparison
from sssam.lab.report.cost import accuracy_against_cost, beside, priced
from sssam.lab.report.figures import figures
from sssam.lab.report.files import save, svg
from sssam.lab.report.key import LENGTHS, Key
from sssam.lab.report.lines import curves, lines, sensitivity
from sssam.lab.report.schedules import Band, schedules
from sssam.lab.report.theme import PAGE, across, over, spanning, up
from sssam.lab.specs import Score
from sssam.schedules import constant

NAMES = [
    "accuracy-against-cost",
    "differences",
    "curves",
    "schedules",
    "rho-sensitivity",
]


def values(specification: object) -> list[dict[str, object]]:
    """All data in a specification."""
    found: list[dict[str, object]] = []
    for name, part in specification.items() if isinstance(specification, dict) else []:
        found += [point for data in part.values() for point in data] if name == "datasets" else []
    return found


def test_all_figures_come_in_order_and_say_their_number(comparison: Comparison) -> None:
    drawn = figures(comparison)
    assert [figure.name for figure in drawn] == NAMES
    assert "late half 1/8 ascent gains +" in drawn[0].alt
    assert "9 differences, 6 of them clear; the highest is SS-SAM late half" in drawn[1].alt
    assert "at the end: base 9" in drawn[2].alt
    assert "SS-SAM late half 320 of 640 steps" in drawn[3].alt
    assert "chosen were: SAM 0.2" in drawn[4].alt


@pytest.mark.parametrize("index", range(len(NAMES)), ids=NAMES)
def test_each_figure_draws_at_any_width_with_the_page_s_colours(
    comparison: Comparison, index: int
) -> None:
    figure = figures(comparison)[index]
    assert "SAM" in svg(figure.chart())
    for chart in figure.charts(PAGE, "container").values():
        specification = chart.to_dict()
        text = json.dumps(specification)
        assert "var(--" in text
        assert "#" not in text.replace("$schema", "")
        assert '"width": "container"' in text


def test_passes_and_seconds_are_views_on_the_page_and_files(comparison: Comparison) -> None:
    main = figures(comparison)[0]
    assert list(main.views) == ["passes", "seconds"]


def test_without_measured_seconds_passes_are_the_only_view() -> None:
    plain = compare(TASK, METHODS, range(3), records(METHODS, range(3)))
    assert list(figures(plain)[0].views) == ["passes"]


def test_the_base_at_its_lengths_is_one_line_and_one_name_in_the_key(
    comparison: Comparison,
) -> None:
    chart = accuracy_against_cost(comparison, "passes", Key.of(comparison)).to_dict()
    line = next(layer for layer in chart["layer"] if layer["mark"]["type"] == "line")
    points = chart["datasets"][line["data"]["name"]]
    assert [point["passes"] for point in points] == [
        "0.250",
        "0.500",
        "1.000",
        "1.050",
        "1.500",
        "2.000",
    ]
    keys = [look.key for look in figures(comparison)[0].key]
    assert keys.count(LENGTHS) == 1
    assert keys[:5] == ["base", LENGTHS, "base EMA", "base SWA", "SAM"]


def test_each_variant_has_a_look_of_its_own(comparison: Comparison) -> None:
    looks = figures(comparison)[0].key
    colours = {"control": "base"}
    seen = {(colours.get(look.role, look.role), look.shape) for look in looks}
    assert len(seen) == len(looks) == len(CHOSEN) - 4  # five lengths are one


def test_what_is_switched_off_is_in_no_mark(comparison: Comparison) -> None:
    for name in ("accuracy-against-cost", "curves", "rho-sensitivity"):
        chart = next(f for f in figures(comparison) if f.name == name).chart().to_dict()
        assert {"name": "off", "value": []} in chart["params"]
        assert all("off" in json.dumps(layer["transform"]) for layer in chart["layer"])


def test_points_of_one_price_stand_side_by_side_and_keep_their_price(
    comparison: Comparison,
) -> None:
    assert beside([1.0, 1.0, 2.0], 0.2) == pytest.approx([0.9, 1.1, 2.0])
    chart = accuracy_against_cost(comparison, "passes", Key.of(comparison)).to_dict()
    places = sorted({str(v["label"]): v["x"] for v in values(chart) if "x" in v}.items())
    prices = {v.label: v.cost for v in priced(comparison, "passes")}
    assert all(abs(float(str(x)) - (prices[label] or 0)) < 0.07 for label, x in places)


def test_a_variant_far_below_is_named_in_the_caption() -> None:
    found = made({"base 2x": 60.0})
    assert "Below the figure: base 2x 60.0 [" in figures(found)[0].words.caption
    assert "Below" not in figures(made())[0].words.caption


@pytest.mark.parametrize("low", [60.0, 90.6])
def test_named_as_below_the_figure_is_just_what_is_below_its_axis(low: float) -> None:
    """A mean that is far below the base is drawn where another interval reaches as far down."""
    found = made({"base 0.25x": low})
    chart = figures(found)[0].chart().to_dict()
    edge = chart["layer"][0]["encoding"]["y"]["scale"]["domain"][0]
    listed = figures(found)[0].words.caption.partition("Below the figure: ")[2]
    means = {v.label: v.accuracy.mean for v in found.variants}
    assert {n for n in means if f"{n} {means[n]:.1f} [" in listed} == {
        n for n in means if means[n] < edge
    }


def test_a_single_seed_draws_points_without_intervals() -> None:
    plain = compare(TASK, METHODS, range(1), records(METHODS, range(1)))
    assert all(svg(figure.chart()) for figure in figures(plain))


def test_nothing_measured_draws_nothing() -> None:
    assert figures(compare(TASK, METHODS, range(2), [])) == []


def test_of_many_variants_twelve_are_lines_and_the_caption_says_so() -> None:
    methods = [*METHODS, *(scheduled(f"constant {i}", constant(i / 40)) for i in range(1, 9))]
    drawn = figures(compare(TASK, methods, range(2), records(methods, range(2))))
    lines = next(figure for figure in drawn if figure.name == "curves")
    assert "Drawn are 12 of 19 variants." in lines.words.caption
    assert {"base", "SAM"} <= {look.key for look in lines.key}


def test_losses_over_decades_get_a_logarithmic_axis(comparison: Comparison) -> None:
    assert '"log"' not in json.dumps(figures(comparison)[2].charts()["loss"].to_dict())
    steep = [
        v.model_copy(
            update={
                "curve": tuple(
                    p.model_copy(update={"train_loss": 10.0 ** -(i / 10)})
                    for i, p in enumerate(v.curve)
                )
            }
        )
        for v in comparison.variants
    ]
    found = comparison.model_copy(update={"variants": tuple(steep)})
    chart = curves(found, "train_loss", Key.of(found))
    assert '"type": "log"' in json.dumps(chart.to_dict())


@pytest.mark.parametrize("end", [3.0, 80.0, 2000.0])
def test_numbers_on_axes_have_no_exponent(end: float) -> None:
    data = [
        {"label": "a", "x": x, "loss": y} for x, y in ((-end, end), (0, 0.001), (end, 10 * end))
    ]
    x, y = across("x", "distance", alt.Scale()), up("loss", "loss", spanning([0.001, 10 * end]))
    chart = lines(data, x, y, {"label:N": "name"}, Key([("a", "sam", "a")]), PAGE, 760)
    texts = re.findall(r">([^<]+)</text>", svg(chart))
    assert {"0", "10"} <= set(texts)
    assert not [text for text in texts if re.search(r"\de", text)]


@pytest.mark.parametrize("total", [1, 7, 399, 20_000])
def test_schedules_of_any_length_draw(total: int) -> None:
    taken = [step % 3 == 0 for step in range(total)]
    band = Band("a", "scheduled", [step / total for step in range(total)], taken)
    specification = schedules([band], PAGE).to_dict()
    strips = [v for v in values(specification) if "part" in v]
    covered = sum((v["to"] - v["from"]) * v["part"] for v in strips)  # type: ignore[operator]
    assert covered == pytest.approx(sum(taken) / total, abs=0.002)
    assert len(values(specification)) < 1100


def test_rho_sensitivity_marks_what_was_chosen_at_the_best_of_the_other_settings(
    comparison: Comparison,
) -> None:
    (tuning,) = [each for each in comparison.tuning if each.label == SAM.label]
    worse = Score(values={"rho": 0.1, "weight_decay": 0.5}, mean=0.1, spread=0.0)
    both = tuning.model_copy(update={"scores": (*tuning.scores, worse)})
    chart = sensitivity([both], "accuracy", Key.of(comparison)).to_dict()
    points = {v["rho"]: v for v in values(chart)}
    assert {rho: v["value"] for rho, v in points.items()} == {0.1: 91.0, 0.2: 92.0, 0.4: 94.0}
    assert [rho for rho, v in points.items() if v["chosen"]] == [0.2]


def test_files_are_svg_pdf_or_png(comparison: Comparison, tmp_path) -> None:
    chart = figures(comparison)[1].chart()
    begins = {"new/a.svg": b"<svg", "a.PNG": b"\x89PNG", "a.pdf": b"%PDF"}
    save(chart, *(tmp_path / name for name in begins))
    assert all((tmp_path / name).read_bytes().startswith(kind) for name, kind in begins.items())


def test_a_chart_passes_its_data_on_as_they_are() -> None:
    chart = over([{"key": "a", "x": 1.5}]).mark_point()
    assert chart.to_dict()["datasets"].popitem()[1] == ({"key": "a", "x": 1.5},)
