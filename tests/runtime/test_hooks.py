"""What hooks on a sharpness-aware optimizer see."""

import pytest
import torch
from torch import Tensor, nn

import sssam


@pytest.mark.parametrize("kind", ["SAM", "WSAM", "SAMPa"])
def test_a_hook_after_the_step_sees_the_weights_as_the_step_leaves_them(kind: str) -> None:
    """Averages of weights are taken there; decoupled WSAM moves once more after its base."""
    ends = []
    for hooked in (False, True):
        w = nn.Parameter(torch.ones(3))
        base = torch.optim.SGD([w], lr=0.1, momentum=0.9)
        optimizer = getattr(sssam, kind)(base, rho=0.1, model=False)
        seen: list[Tensor] = []
        if hooked:
            optimizer.register_step_post_hook(lambda *_: seen.append(w.detach().clone()))  # noqa: B023
        for t in range(3):
            for p in optimizer.passes(torch.ones(2)):
                p.backward((w**3).sum())
            optimizer.step()
            assert not hooked or torch.equal(seen[t], w)
        ends.append(w.detach())
    assert torch.equal(*ends)
