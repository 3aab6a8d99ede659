"""The setting for a price costs that price."""

import pytest
import torch

import sssam
from sssam.schedules import late

SETTINGS = {1.0625: (late(0.5), 1 / 8), 1.5: (late(0.5), 1.0), 1.75: (late(0.75), 1.0)}


@pytest.mark.parametrize("budget", SETTINGS)
def test_the_settings_of_the_usual_prices(budget: float) -> None:
    setting = sssam.recommended(budget)
    assert (setting["schedule"], setting["ascent_fraction"]) == SETTINGS[budget]


@pytest.mark.parametrize("budget", [1.001, 1.0625, 1.3, 1.5, 1.6, 2])
def test_the_expected_price_is_the_budget(budget: float) -> None:
    base = torch.optim.SGD([torch.nn.Parameter(torch.ones(3))], lr=0.1)
    setting = sssam.recommended(budget)
    optimizer = sssam.SSSAM(base, total_steps=1000, model=False, **setting)
    assert optimizer.expected_propagations == pytest.approx(budget)


def test_two_passes_are_sam() -> None:
    setting = sssam.recommended(2)
    assert setting["ascent_fraction"] == 1
    assert setting["schedule"].probabilities(7) == [1.0] * 7


@pytest.mark.parametrize("budget", [1, 0.5, 2.1, float("nan")])
def test_a_budget_outside_its_range_is_refused(budget: float) -> None:
    with pytest.raises(ValueError, match=r"budget must be in \[1.001, 2\], not .*base optimizer"):
        sssam.recommended(budget)


def test_the_radius_can_be_given() -> None:
    assert sssam.recommended()["rho"] == 0.05
    assert sssam.recommended(rho=0.2) == sssam.recommended() | {"rho": 0.2}
    with pytest.raises(ValueError, match="rho must be"):
        sssam.recommended(rho=-1)
