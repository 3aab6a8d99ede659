"""Every figure draws in both layouts, says its main number, and hides no name behind another."""

import json
import re
from itertools import pairwise

import altair as alt
import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st
from synthetic import ACCURACY, METHODS, TASK, records, scheduled

from sssam.lab import tuned
from sssam.lab.comparison.compare import compare
from sssam.lab.comparison.values import Comparison, Variant
from sssam.lab.report import landscape
from sssam.lab.report.contrasts import forest
from sssam.lab.report.curves import curves
from sssam.lab.report.figures import figures, render, save
from sssam.lab.report.front import front
from sssam.lab.report.labels import Mark, place, spread
from sssam.lab.report.landscape import Along
from sssam.lab.report.places import LINE
from sssam.lab.report.scales import accuracies
from sssam.lab.report.schedules import Band, schedules
from sssam.lab.report.sensitivity import sensitivity
from sssam.lab.report.theme import PAGE, over
from sssam.lab.report.tradeoff import tradeoff
from sssam.lab.specs import ModelSpec
from sssam.schedules import constant

NAMES = [
    "accuracy-against-propagations",
    "difference-to-sam",
    "validation-accuracy",
    "training-loss",
    "schedules",
    "rho-sensitivity",
]


KEPT = tuned.read(TASK)
assert KEPT is not None
#: The rows at the rho that is kept for each.
BEST = [m.model_copy(update={"rho": KEPT.found(m.label)}) for m in METHODS]


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(TASK, BEST, range(20), records(BEST))


def values(specification: object) -> list[dict[str, object]]:
    """All rows of data in a specification."""
    found: list[dict[str, object]] = []
    for name, part in specification.items() if isinstance(specification, dict) else []:
        found += [row for rows in part.values() for row in rows] if name == "datasets" else []
    return found


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12), st.floats(0.1, 10))
def test_spread_names_keep_their_gap_and_their_order(heights: list[float], gap: float) -> None:
    moved = spread(heights, gap)
    ranked = sorted(range(len(heights)), key=lambda i: heights[i])
    steps = [moved[b] - moved[a] for a, b in pairwise(ranked)]
    assert all(step >= gap - 1e-9 for step in steps)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6, unique=True))
def test_names_that_have_room_stay_where_they_are(heights: list[int]) -> None:
    assert spread(heights, 0.99) == pytest.approx(heights)


def test_marks_far_apart_do_not_move_each_other() -> None:
    marks = [Mark("a", 1.0, 5.0), Mark("b", 2.0, 5.0), Mark("c", 2.01, 5.0)]
    assert place(marks, reach=0.1, gap=1.0) == pytest.approx([5.0, 4.5, 5.5])


def test_all_figures_come_in_order_and_say_their_number(comparison: Comparison) -> None:
    drawn = figures(comparison)
    assert [figure.name for figure in drawn] == NAMES
    assert comparison.headline in drawn[0].alt
    assert "7 are shown to keep SAM's gain within 1 point" in drawn[1].alt
    assert "at the end: base " in drawn[2].alt
    assert "SS-SAM late half 320 of 640 steps" in drawn[4].alt
    assert "from 0.05 to 1.1; chosen were: SAM 0.4, " in drawn[5].alt


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("index", range(len(NAMES)), ids=NAMES)
def test_each_figure_draws_in_each_layout(comparison: Comparison, index: int, narrow: bool) -> None:
    figure = figures(comparison)[index]
    picture = render(figure.draw(width=330 if narrow else 760, narrow=narrow), "svg").decode()
    assert picture.startswith("<svg")
    assert "SS-SAM linear" in picture


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("index", range(len(NAMES)), ids=NAMES)
def test_page_figures_take_their_colours_from_the_page(
    comparison: Comparison, index: int, narrow: bool
) -> None:
    specification = json.dumps(figures(comparison)[index].specification(narrow))
    assert "var(--" in specification
    assert "#" not in specification.replace("$schema", "")
    assert '"width": "container"' in specification


def test_names_in_the_main_figure_do_not_collide(comparison: Comparison) -> None:
    for narrow, reach in ((False, 0.15), (True, 10.0)):
        chart = tradeoff(comparison, narrow=narrow).to_dict()
        points = {str(v["label"]): v for v in values(chart) if "label_y" in v}
        heights = sorted((v["label_x"], v["label_y"]) for v in points.values())
        low, high = _domain(chart)
        pixel = (high - low) / chart["height"]
        columns = [[y for _, y in heights]] if narrow else _columns(heights, reach)
        for column in columns:
            ranked = sorted(column)
            gaps = [b - a for a, b in pairwise(ranked)]
            assert all(gap > (LINE - 4) * pixel for gap in gaps)
            assert low <= ranked[0] <= ranked[-1] <= high


def _domain(chart: dict) -> tuple[float, float]:
    layer = next(part for part in chart["layer"] if "y" in part["encoding"])
    low, high = layer["encoding"]["y"]["scale"]["domain"]
    return low, high


def _columns(places: list[tuple[float, float]], reach: float) -> list[list[float]]:
    columns: list[list[tuple[float, float]]] = []
    for x, y in places:
        if columns and x - columns[-1][-1][0] < reach:
            columns[-1].append((x, y))
        else:
            columns.append([(x, y)])
    return [[y for _, y in column] for column in columns]


def test_names_stand_right_of_the_marks_beside_them_and_end_in_the_figure(
    comparison: Comparison,
) -> None:
    chart = tradeoff(comparison).to_dict()
    points = [v for v in values(chart) if "label_y" in v]
    layer = next(part for part in chart["layer"] if "text" in part["encoding"])
    left, right = layer["encoding"]["x"]["scale"]["domain"]
    for point in points:
        start, end = float(str(point["label_x"])), len(str(point["name"])) * 7.2 / 660
        assert start + end * (right - left) <= right + 1e-9
        beside = [p for p in points if abs(p["x"] - point["x"]) < 0.04]  # type: ignore[operator]
        near = [p for p in beside if abs(p["y"] - point["y"]) < 0.3]  # type: ignore[operator]
        assert all(float(str(p["x"])) < start for p in near)


@pytest.mark.parametrize(("narrow", "few"), [(True, 12), (False, 30)])
def test_of_more_rows_than_there_is_room_for_the_first_are_named(narrow: bool, few: int) -> None:
    rows = [scheduled(f"constant {i}", constant(i / 40)) for i in range(1, few - 1)]
    for methods, all_named in (((*METHODS[:3], *rows)[:few], True), ((*METHODS[:3], *rows), False)):
        made = compare(TASK, methods, range(4), records(methods, range(4)))
        points = [v for v in values(tradeoff(made, narrow=narrow).to_dict()) if "label_y" in v]
        assert len(points) == len(methods)
        unnamed = {str(v["label"]) for v in points if not v["name"]}
        assert (unnamed == set()) == all_named
        assert unnamed.isdisjoint({"base", "SAM", *(row.label for row in front(made))})
        assert ("front alone are named" in figures(made)[0].caption) == (len(methods) > 12)


def test_no_gain_is_drawn_where_none_is_shown() -> None:
    made = compare(TASK, METHODS[:3], range(6), records(METHODS[:3], range(6), {"SAM": 80.0}))
    assert "s gain " not in json.dumps(tradeoff(made).to_dict())


def test_curves_without_base_and_sam_say_where_their_rows_end() -> None:
    rows = METHODS[3:5]
    drawn = figures(compare(TASK, rows, range(2), records(rows, range(2))))
    told = next(figure.alt for figure in drawn if figure.name == "validation-accuracy")
    assert "at the end: SS-SAM constant 9" in told


def test_rows_of_equal_cost_stand_side_by_side(comparison: Comparison) -> None:
    points = [v for v in values(tradeoff(comparison).to_dict()) if "label_y" in v]
    places = sorted(float(str(v["x"])) for v in points)
    assert min(b - a for a, b in pairwise(places)) > 0.011
    assert all(abs(float(str(v["x"])) - float(str(v["cost"]))) < 0.04 for v in points)


def test_rows_far_below_the_margin_are_named_and_not_drawn(comparison: Comparison) -> None:
    plot = figures(comparison)[1]
    drawn = {v["label"] for v in values(plot.draw().to_dict()) if "label" in v}
    assert drawn == {method.label for method in METHODS} - {"base", "base 2x steps", "SAM"}
    assert re.search(r"Too far below to be drawn: base -6.*; base 2x steps -", plot.caption)


def test_if_all_rows_are_far_below_they_are_drawn() -> None:
    accuracy = {**ACCURACY, "SAM": 97.0}
    made = records(METHODS[:3], range(4), accuracy)
    plot = figures(compare(TASK, METHODS[:3], range(4), made))[1]
    drawn = {v["label"] for v in values(plot.draw().to_dict()) if "label" in v}
    assert drawn == {"base", "base 2x steps"}


def test_a_single_seed_draws_points_without_intervals() -> None:
    made = records(seeds=range(1))
    drawn = figures(compare(TASK, METHODS, range(1), made))
    assert [figure.name for figure in drawn] == NAMES
    for figure in drawn:
        assert render(figure.draw(), "svg")


def test_nothing_measured_draws_nothing() -> None:
    empty = compare(TASK, METHODS, range(2), [])
    assert figures(empty) == []
    with pytest.raises(ValueError, match="run the study first"):
        tradeoff(empty)
    with pytest.raises(ValueError, match="run the study first"):
        curves(empty, "train_loss")
    with pytest.raises(ValueError, match="no difference to plot"):
        forest([], 1.0, ["difference"])
    with pytest.raises(ValueError, match="no method has a schedule"):
        schedules([])


def test_losses_over_decades_get_a_logarithmic_axis(comparison: Comparison) -> None:
    rows = []
    for row in comparison.variants:
        curve = [
            p.model_copy(update={"train_loss": 10.0 ** -(i / 10)}) for i, p in enumerate(row.curve)
        ]
        rows.append(row.model_copy(update={"curve": tuple(curve)}))
    steep = comparison.model_copy(update={"variants": tuple(rows)})
    assert '"type": "log"' in json.dumps(curves(steep, "train_loss").to_dict())
    assert render(curves(steep, "train_loss"), "svg")


@pytest.mark.parametrize("end", [3.0, 80.0, 2000.0])
def test_numbers_on_axes_have_no_exponent(end: float) -> None:
    x = [-end, 0.0, end]
    chart = landscape.curves([Along("a", x, [end, 0.001, 10 * end])])
    told = re.findall(r">([^<]+)</text>", render(chart, "svg").decode())
    assert {"0", "10"} <= set(told)
    assert not [text for text in told if re.search(r"\de", text)]


@pytest.mark.parametrize("height", [1.0, 1000.0])
def test_the_key_of_a_surface_is_a_gradient(height: float) -> None:
    x = [-1.0, 0.0, 1.0]
    drawn = landscape.surface(x, x, [[height, 0.1, height]] * 3)
    (legend,) = vl_convert.vegalite_to_vega(drawn.to_dict())["legends"]
    assert (legend["fill"], "stroke" in legend) == ("color", False)  # with both, it is one of dots


@pytest.mark.parametrize("total", [1, 7, 399, 20_000])
def test_schedules_of_any_length_draw(total: int) -> None:
    taken = [step % 3 == 0 for step in range(total)]
    band = Band("a", "scheduled", [step / total for step in range(total)], taken)
    specification = schedules([band], PAGE).to_dict()
    strips = [v for v in values(specification) if "part" in v]
    covered = sum((v["to"] - v["from"]) * v["part"] for v in strips)  # type: ignore[operator]
    assert covered == pytest.approx(sum(taken) / total, abs=0.002)
    assert len(values(specification)) < 1100


def test_files_are_svg_pdf_or_png(comparison: Comparison, tmp_path) -> None:
    chart = tradeoff(comparison)
    assert save(chart, tmp_path / "new" / "a.svg").read_bytes().startswith(b"<svg")
    assert save(chart, tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
    assert save(chart, tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(ValueError, match=r"a\.gif.*must end in \.svg, \.pdf or \.png"):
        save(chart, tmp_path / "a.gif")


def test_rows_far_below_stand_on_the_lower_edge_of_the_main_figure() -> None:
    made = records(METHODS[:3], range(6), {**ACCURACY, "base 2x steps": 60.0})
    comparison = compare(TASK, METHODS[:3], range(6), made)
    points = {v["label"]: v for v in values(tradeoff(comparison).to_dict()) if "label_y" in v}
    assert points["base 2x steps"]["name"].startswith("base 2x steps, at 6")
    assert points["base 2x steps"]["y"] > 80
    assert points["base"]["y"] == points["base"]["mean"]


def test_the_pareto_front_holds_what_nothing_undercuts_and_beats(comparison: Comparison) -> None:
    on_front = front(comparison)
    assert on_front[0].label == "base"
    assert "base 2x steps" not in {row.label for row in on_front}
    for row in comparison.variants:
        beaten = any(_dominates(other, row) for other in comparison.variants)
        assert beaten == (row not in on_front)


def _dominates(one: Variant, other: Variant) -> bool:
    costs = (one.cost or 0.0, other.cost or 0.0)
    means = tuple(row.accuracy.mean for row in (one, other) if row.accuracy is not None)
    return costs[0] <= costs[1] and means[0] >= means[1] and one is not other


def test_the_front_is_drawn_through_its_rows_and_named_in_words(comparison: Comparison) -> None:
    drawn = tradeoff(comparison).to_dict()
    lines = [layer for layer in drawn["layer"] if layer["mark"].get("interpolate") == "step-after"]
    steps = drawn["datasets"][lines[0]["data"]["name"]]
    means = [row.accuracy.mean for row in front(comparison) if row.accuracy is not None]
    assert [step["y"] for step in steps] == means
    first = figures(comparison)[0]
    assert f"On the Pareto front: base {means[0]:.1f}% at 1.00, " in first.alt


@pytest.mark.parametrize("narrow", [False, True])
def test_the_key_ranks_rows_by_where_their_lines_end(comparison: Comparison, narrow: bool) -> None:
    drawn = curves(comparison, "validation_accuracy", narrow=narrow).to_dict()
    ranked = drawn["layer"][0]["encoding"]["color"]["scale"]["domain"]
    ends = {row.label: row.curve[-1].validation_accuracy for row in comparison.variants}
    assert [name.split("  ")[1] for name in ranked] == sorted(ends, key=lambda r: -ends[r])
    assert [float(name.split("  ")[0]) for name in ranked] == [
        round(100 * end, 1) for end in sorted(ends.values(), reverse=True)
    ]


def test_accuracies_far_apart_are_drawn_over_their_error() -> None:
    scaled = accuracies([10.0, 90.0, 95.0, 100.0], pixels=340)
    assert scaled.heights == [90.0, 10.0, 5.0, 2.5]
    assert scaled.scale.to_dict()["type"] == "log"
    named = [100 - float(tick) for tick in scaled.axis["values"]]  # type: ignore[union-attr]
    assert {20.0, 80.0, 90.0, 95.0} <= set(named)
    assert accuracies([91.0, 95.0], pixels=340).heights == [91.0, 95.0]


def test_rho_sensitivity_marks_what_was_chosen(comparison: Comparison) -> None:
    points = _tried(sensitivity(KEPT, comparison.variants))
    chosen = {str(v["label"]): v["rho"] for v in points if v["chosen"]}
    assert chosen == {row.label: row.rho for row in KEPT.rows if row.rho > 0}
    assert {v["rho"] for v in points} == set(KEPT.grid)


def _tried(chart: alt.LayerChart) -> list[dict[str, object]]:
    return [v for v in values(chart.to_dict()) if "rho" in v]


def test_a_row_at_another_rho_than_the_one_kept_has_no_line() -> None:
    at_one_rho = compare(TASK, METHODS, range(2), records(METHODS, range(2)))
    (plot,) = (figure for figure in figures(at_one_rho) if figure.name == "rho-sensitivity")
    assert {v["label"] for v in _tried(plot.draw())} == {"SAM"}
    assert plot.alt.endswith("chosen were: SAM 0.4.")


def test_a_radius_tried_with_other_values_counts_at_the_best_of_them(
    comparison: Comparison,
) -> None:
    tried = [(0.4, 0.91), (0.1, 0.8), (0.4, 0.95), (0.1, 0.7)]
    scores = tuple(tuned.Score(rho=rho, mean=mean, spread=0.0, n=5) for rho, mean in tried)
    row = tuned.Row(label="SAM", rho=0.4, scores=scores)
    own = KEPT.model_copy(update={"rows": (row,), "seeds": (7, 8)})
    (plot,) = (figure for figure in figures(comparison, own) if figure.name == "rho-sensitivity")
    assert "over 2 seeds" in plot.caption
    points = {(v["rho"], v["value"]) for v in _tried(plot.draw())}
    assert points == {(0.1, 80.0), (0.4, 95.0)}


def test_a_task_of_another_recipe_has_no_rho_figure(comparison: Comparison) -> None:
    other = TASK.model_copy(update={"model": ModelSpec(name="resnet8")})
    for task in (other, TASK.model_copy(update={"name": "../noisy-digits"})):
        drawn = figures(comparison.model_copy(update={"task": task}))
        assert "rho-sensitivity" not in {figure.name for figure in drawn}


def test_a_chart_passes_its_data_on_as_they_are() -> None:
    rows = [{"x": 1.5, "name": "a <b>", "none": None, "yes": True}]
    chart = over(rows).mark_point().encode(x="x:Q")
    assert values(chart.to_dict()) == rows
