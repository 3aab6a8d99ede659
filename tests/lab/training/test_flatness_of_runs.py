"""A trained run's flatness, from a checkpoint to numbers."""

from pathlib import Path

import pytest
from tiny import TASK, run, same_but_times

from sssam.lab.specs import Record
from sssam.lab.specs.flatness import Flatness, FlatnessSettings
from sssam.lab.training import checkpoints, flatness
from sssam.lab.training.train import train
from sssam.sharpness import Hessian, worst_case_rise

QUICK = FlatnessSettings(
    samples=64,
    eigenvalues=2,
    probes=4,
    radii=(0.1,),
    adaptive_radii=(0.5,),
    steps=2,
)


@pytest.fixture(scope="module")
def measured(trained: dict[str, tuple[Path, Record]]) -> Flatness:
    return flatness.measure(flatness.opened(trained["base"][0], 64), QUICK)


def test_the_loss_is_that_of_the_checkpoint(
    trained: dict[str, tuple[Path, Record]],
) -> None:
    path, record = trained["base"]
    found = flatness.opened(path)
    assert found.samples == 96
    whole = flatness.measure(found, QUICK)
    assert whole.loss == pytest.approx(record.train_loss, rel=1e-5)


def test_all_numbers_are_those_of_the_library(
    trained: dict[str, tuple[Path, Record]], measured: Flatness
) -> None:
    found = flatness.opened(trained["base"][0], 64)
    assert measured.samples == 64 == sum(len(y) for _, y in found.batches)
    hessian = Hessian(*found[:3])
    assert measured.eigenvalues == hessian.top_eigenvalues(2).values
    assert measured.trace == hessian.trace(4).value
    for rise, (rho, adaptive) in zip(measured.rises, [(0.1, False), (0.5, True)], strict=True):
        worst = worst_case_rise(*found[:3], rho, steps=2, adaptive=adaptive)
        assert (rise.rho, rise.adaptive, rise.worst) == (rho, adaptive, worst.rise)
        assert measured.loss == worst.loss


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
