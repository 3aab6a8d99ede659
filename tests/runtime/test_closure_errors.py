"""A loss in the place of a closure."""

from typing import Any

import pytest
import torch
from torch import nn

import sssam


@pytest.mark.parametrize("name", ["closure", "ascent_closure"])
@pytest.mark.parametrize("p", [0, 1])
def test_a_loss_in_the_place_of_a_closure_is_refused(name: str, p: int) -> None:
    """As in `optimizer.step(closure())`, whatever the draw."""
    w = nn.Parameter(torch.ones(3))
    schedule = sssam.schedules.constant(p)
    base = torch.optim.SGD([w], lr=0.1)
    optimizer: Any = sssam.SSSAM(base, schedule=schedule, total_steps=3, model=False)
    loss = (w**2).sum()
    loss.backward()
    given = [loss] if name == "closure" else [lambda: loss]
    more = {} if name == "closure" else {"ascent_closure": 1.0}
    kind = "Tensor" if name == "closure" else "float"
    said = rf"{name} must be a function.*not a {kind}: write step\({name}\) without calling"
    with pytest.raises(TypeError, match=said):
        optimizer.step(*given, **more)
    assert torch.equal(w, torch.ones(3))
    assert optimizer.steps == 0
