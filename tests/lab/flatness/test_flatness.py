"""A trained run's flatness: from a checkpoint to numbers and figures."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from tiny import TASK

from sssam.lab import flatness
from sssam.lab.charts import landscape
from sssam.lab.cli import main
from sssam.lab.flatness.specs import Between, Flatness, Plan
from sssam.lab.pages import landscapes
from sssam.lab.pages.figures import render
from sssam.lab.pages.landscapes import Measured
from sssam.lab.specs import Record
from sssam.lab.training import checkpoints
from sssam.sharpness import Hessian, average_case_rise, worst_case_rise

QUICK = Plan(
    samples=64,
    eigenvalues=2,
    probes=4,
    radii=(0.1,),
    adaptive_radii=(0.5,),
    steps=2,
    draws=2,
    surface=True,
)
FEW = ["--samples", "32", "--eigenvalues", "1", "--probes", "2"]
FEW += ["--rho", "0.1", "--adaptive-rho", "1"]


@pytest.fixture(scope="module")
def measured(trained: dict[str, tuple[Path, Record]]) -> Flatness:
    return flatness.measure(flatness.opened(trained["base"][0], 64), QUICK)


def test_loss_and_score_are_those_of_the_checkpoint(
    trained: dict[str, tuple[Path, Record]],
) -> None:
    path, record = trained["base"]
    found = flatness.opened(path)
    assert (found.run, found.epoch, found.samples) == (record.run, 3, 96)
    whole = flatness.measure(found, QUICK.model_copy(update={"surface": False}))
    assert whole.loss == pytest.approx(record.train_loss, rel=1e-5)
    assert whole.surface is None


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
    assert measured.surface.loss[middle][middle] == pytest.approx(measured.loss)


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
    drawn = landscapes.drawings([measured], [line])
    assert [figure.name.split("-")[0] for figure in drawn] == ["landscape", "line", "surface"]
    assert f"base, seed 0 from {measured.loss:.3g}" in drawn[0].alt
    assert f"the barrier is {line.barrier:.4f}" in drawn[1].alt
    assert f"{measured.loss:.3g} at the model" in drawn[2].alt
    for figure in drawn:
        for narrow in (False, True):
            picture = render(figure.draw(width=330, narrow=narrow), "svg").decode()
            assert "training loss" in picture


def test_losses_that_are_not_finite_are_left_out(measured: Flatness) -> None:
    nothing = measured.curve.model_copy(update={"loss": (None,) * len(measured.curve.x)})
    partly = measured.curve.model_copy(update={"loss": (None, *measured.curve.loss[1:])})
    both = [measured.model_copy(update={"curve": c, "surface": None}) for c in (nothing, partly)]
    assert landscapes.drawings(both[:1]) == []
    assert "nan" not in render(landscapes.drawings(both[1:])[0].draw(), "svg").decode().lower()
    with pytest.raises(ValueError, match="no loss is finite"):
        landscape.curves([landscape.Along("x", (0.0,), (None,))])
    with pytest.raises(ValueError, match="two coordinates at least"):
        landscape.surface((0.0,), (0.0, 1.0), [[1.0], [1.0]])


def test_one_checkpoint_on_the_command_line(
    trained: dict[str, tuple[Path, Record]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sharpness", str(trained["base"][0]), *FEW, "--surface", "--out", str(tmp_path)]
    assert main(words) == 0
    output = capsys.readouterr().out
    for name in ("training samples      ", "adaptive trace", "rise within rho 0.1, worst"):
        assert name in output
    held = Measured.model_validate_json((tmp_path / "sharpness.json").read_text())
    assert held.flatness[0].run == trained["base"][1].run
    assert held.between == ()
    picture = ElementTree.parse(tmp_path / "landscape.svg").getroot()
    assert picture.attrib["aria-label"].startswith("Line plot of the training loss along")
    assert (tmp_path / f"surface-{held.flatness[0].run.id}.svg").exists()


def test_two_checkpoints_on_the_command_line(
    trained: dict[str, tuple[Path, Record]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [str(trained[name][0]) for name in ("resnet", "resnet SAM")]
    assert main(["sharpness", *paths, *FEW]) == 0
    told = "the first, between base, seed 0 and SAM, seed 0, the loss rises"
    assert told in " ".join(capsys.readouterr().out.split())
    ids = [trained[name][1].id for name in ("resnet", "resnet SAM")]
    folder = Path("sssam-results", "tiny", "sharpness", "-".join(ids))
    held = json.loads((folder / "sharpness.json").read_text())
    line = Between.model_validate(held["between"][0])
    assert [line.first.id, line.second.id] == ids
    assert (folder / f"line-{ids[0]}-{ids[1]}.svg").exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--rho", "0"], "--rho must be above 0 and finite, not 0.0"),
        (["--adaptive-rho", "inf"], "--adaptive-rho must be above 0 and finite, not inf"),
        (["--samples", "0"], "--samples must be at least 1, not 0"),
        (["--eigenvalues", "0"], "--eigenvalues must be at least 1, not 0"),
        (["--probes", "1"], "--probes must be at least 2, not 1"),
        (["--eigenvalues", "9999", "--samples", "8"], "k must be at most"),
    ],
)
def test_bad_arguments_are_refused(
    trained: dict[str, tuple[Path, Record]],
    words: list[str],
    text: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sharpness", str(trained["base"][0]), *words]) == 2
    assert text in capsys.readouterr().err


def test_files_that_are_no_checkpoint_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torn, foreign = tmp_path / "torn.pt", tmp_path / "foreign.pt"
    torn.write_bytes(b"torn")
    torch.save({"model": {}}, foreign)
    for path in (torn, foreign, tmp_path / "missing.pt"):
        assert main(["sharpness", str(path)]) == 2
        assert path.name in capsys.readouterr().err


def test_a_run_that_diverged_has_no_flatness(
    trained: dict[str, tuple[Path, Record]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    each, state = checkpoints.read(trained["base"][0])
    next(iter(state["model"].values())).fill_(float("nan"))
    path = tmp_path / "diverged.pt"
    checkpoints.save(path, each, {k: v for k, v in state.items() if k not in ("format", "run")})
    assert main(["sharpness", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "there is no sharpness to measure" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
