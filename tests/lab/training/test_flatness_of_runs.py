"""A trained run's flatness, from a checkpoint to numbers and figures; the line between two."""

from pathlib import Path

import pytest
import torch
from tiny import TASK, run, same_but_times

from sssam.lab.report import sharpness as report
from sssam.lab.report.files import svg
from sssam.lab.specs import Record
from sssam.lab.specs.flatness import Flatness, FlatnessSettings, Measured
from sssam.lab.training import checkpoints, flatness
from sssam.lab.training.train import train
from sssam.sharpness import Hessian, average_case_rise, loss_line, worst_case_rise

QUICK = FlatnessSettings(
    samples=64,
    eigenvalues=2,
    probes=4,
    radii=(0.1,),
    adaptive_radii=(0.5,),
    steps=2,
    draws=2,
)


@pytest.fixture(scope="module")
def measured(trained: dict[str, tuple[Path, Record]]) -> Flatness:
    return flatness.measure(flatness.opened(trained["base"][0], 64), QUICK)


def test_loss_and_score_are_those_of_the_checkpoint(
    trained: dict[str, tuple[Path, Record]],
) -> None:
    path, record = trained["base"]
    found = flatness.opened(path)
    assert (found.run, found.epoch, found.samples) == (record.run, 3, 96)
    whole = flatness.measure(found, QUICK)
    assert whole.loss == pytest.approx(record.train_loss, rel=1e-5)


def test_all_numbers_are_those_of_the_library(
    trained: dict[str, tuple[Path, Record]], measured: Flatness
) -> None:
    found = flatness.opened(trained["base"][0], 64)
    assert measured.samples == 64 == sum(len(y) for _, y in found.batches)
    for curvature, adaptive in ((measured.curvature, False), (measured.adaptive_curvature, True)):
        hessian = Hessian(*found.given, adaptive=adaptive)
        assert curvature.eigenvalues == hessian.top_eigenvalues(2).values
        assert (curvature.trace, curvature.error) == (
            (trace := hessian.trace(4)).value,
            trace.error,
        )
        assert measured.weights == hessian.size
    for rise, (rho, adaptive) in zip(measured.rises, [(0.1, False), (0.5, True)], strict=True):
        worst = worst_case_rise(*found.given, rho, steps=2, adaptive=adaptive)
        average = average_case_rise(*found.given, rho, draws=2, adaptive=adaptive)
        assert (rise.rho, rise.adaptive) == (rho, adaptive)
        assert (rise.worst, rise.one_step) == (worst.rise, worst.one_step)
        assert (rise.average, rise.error) == (average.rise, average.error)
        assert worst.rise > worst.one_step
    middle = len(measured.curve.x) // 2
    assert measured.curve.loss[middle] == pytest.approx(measured.loss)


def test_the_same_checkpoint_gives_the_same_numbers(
    trained: dict[str, tuple[Path, Record]], measured: Flatness
) -> None:
    assert flatness.measure(flatness.opened(trained["base"][0], 64), QUICK) == measured


def test_data_that_changed_since_the_run_are_refused(
    trained: dict[str, tuple[Path, Record]], tmp_path: Path
) -> None:
    each, state = checkpoints.read(trained["base"][0])
    data = TASK.data.model_copy(update={"fingerprint": "0" * 16})
    other = each.model_copy(update={"task": TASK.model_copy(update={"data": data})})
    path = tmp_path / "run.pt"
    checkpoints.save(path, other, {k: v for k, v in state.items() if k not in ("format", "run")})
    with pytest.raises(ValueError, match="data 'digits' changed since"):
        flatness.opened(path)


def test_every_figure_is_drawn_and_says_its_number(
    trained: dict[str, tuple[Path, Record]], measured: Flatness
) -> None:
    line = flatness.between(*(flatness.opened(trained[n][0], 64) for n in ("base", "SAM")))
    of_base = Measured(run=trained["base"][1].run, epoch=3, flatness=measured)
    drawn = report.figures(report.Sharpness(solutions=(of_base,), between=(line,)))
    assert [figure.name.split("-")[0] for figure in drawn] == ["landscape", "line"]
    assert "base, seed 0 from 2." in drawn[0].alt
    assert f"the barrier is {line.barrier:.4f}" in drawn[1].alt
    for figure in drawn:
        assert "training loss" in svg(figure.chart())


def test_losses_that_are_not_finite_are_left_out(
    trained: dict[str, tuple[Path, Record]], measured: Flatness
) -> None:
    run = trained["base"][1].run
    nothing = measured.curve.model_copy(update={"loss": (None,) * len(measured.curve.x)})
    partly = measured.curve.model_copy(update={"loss": (None, *measured.curve.loss[1:])})
    none, some = (
        Measured(run=run, epoch=3, flatness=measured.model_copy(update={"curve": curve}))
        for curve in (nothing, partly)
    )
    assert report.figures(report.Sharpness(solutions=(none,))) == []
    (drawn,) = report.figures(report.Sharpness(solutions=(some,)))
    assert "nan" not in svg(drawn.chart()).lower()


def test_a_record_holds_what_its_checkpoint_gives(
    trained: dict[str, tuple[Path, Record]], measured: Flatness
) -> None:
    plain = trained["base"][1]
    record = train(plain.run, flatness=QUICK)
    assert record.flatness == measured
    assert record.flatness_error is None
    assert same_but_times(record.model_copy(update={"flatness": None})) == same_but_times(plain)
    assert record.id == plain.id


def test_a_run_that_diverged_says_why_it_has_no_flatness() -> None:
    task = TASK.model_copy(update={"learning_rate": 1e30})
    record = train(run(task=task), flatness=QUICK)
    assert record.outcome == "diverged"
    assert record.flatness is None
    assert "FloatingPointError" in str(record.flatness_error)


def test_the_line_ends_at_both_solutions(trained: dict[str, tuple[Path, Record]]) -> None:
    one, other = (flatness.opened(trained[name][0]) for name in ("base", "SAM"))
    line = flatness.between(one, other)
    ends = [trained[name][1].train_loss for name in ("base", "SAM")]
    assert [line.profile.loss[0], line.profile.loss[-1]] == pytest.approx(ends, rel=1e-5)
    assert line.barrier >= 0
    assert len(line.profile.score) == 21


def test_a_line_of_other_models_is_refused(trained: dict[str, tuple[Path, Record]]) -> None:
    one, other = (flatness.opened(trained[name][0]) for name in ("base", "resnet"))
    text = "between different models, mlp 8 of tiny and resnet8 2 of tiny: measure them one"
    with pytest.raises(ValueError, match=text):
        flatness.between(one, other)


def test_the_line_has_the_first_ones_samples_and_statistics_found_anew_on_them(
    trained: dict[str, tuple[Path, Record]],
) -> None:
    one = flatness.opened(trained["resnet"][0], 64)
    other = flatness.opened(trained["resnet SAM"][0], 32)
    ends = one.model.state_dict(), other.model.state_dict()
    expected = loss_line(*one.given, *ends, statistics=one.batches)
    interpolated = loss_line(*one.given, *ends)
    found = flatness.between(one, other)
    assert found.profile.loss == tuple(expected.loss.tolist()) != tuple(interpolated.loss.tolist())
    assert found.barrier == expected.barrier


def test_a_line_through_losses_that_are_not_finite_has_no_barrier(
    trained: dict[str, tuple[Path, Record]],
) -> None:
    one, other = (flatness.opened(trained[name][0], 32) for name in ("base", "SAM"))
    with torch.no_grad():
        next(other.model.parameters()).fill_(float("inf"))
    found = flatness.between(one, other)
    assert found.barrier is None
    assert None in found.profile.loss
