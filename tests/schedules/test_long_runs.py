"""An optimizer is made for a run of any length without a look at each of its steps."""

import pytest
import torch

import sssam
from sssam.schedules import Schedule, constant, cosine, late, linear, piecewise, power, sine

SCHEDULES = [
    constant(0.5),
    linear(0, 1),
    cosine(1, 0),
    sine(0, 1),
    power(2.0),
    late(0.5),
    piecewise([0.5], [0.2, 0.8]),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_no_step_is_looked_at(schedule: Schedule, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    at = Schedule.at

    def counted(self: Schedule, t: int, total_steps: int) -> float:
        nonlocal asked
        asked += 1
        return at(self, t, total_steps)

    monkeypatch.setattr(Schedule, "at", counted)
    model = torch.nn.Linear(2, 1)
    base = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer = sssam.SSSAM(base, schedule=schedule, total_steps=10_000, rho=0.05, model=False)
    assert asked < 10
    assert optimizer.will_ascend in (True, False)
