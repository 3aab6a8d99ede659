"""What the ascent pass gives no gradient stays at w: the last layers alone, for a shorter pass."""

import torch
from torch import Tensor, nn

import sssam
from sssam.methods import Ascent
from sssam.roles import Euclidean, Fresh, Only
from tests.problems import same


def _model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


def _trained(*, freezes: bool) -> list[Tensor]:
    """Three steps over the last layer alone, by a metric; and with an ascent that ends above it."""
    model = _model()
    head, rest = list(model[2].parameters()), list(model[0].parameters())
    base = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    metric = Euclidean(0.3)
    method = Ascent(Fresh(), metric if freezes else Only(metric, head))
    optimizer = sssam.SharpnessAware(base, method, model=model)
    x, y = torch.randn(16, 4), torch.randint(3, (16,))
    seen: list[list[Tensor]] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        seen.append([p.detach().clone() for p in (*rest, *head)])
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss

    def ascent() -> Tensor:
        for p in rest:
            p.requires_grad_(not freezes)
        try:
            return closure()
        finally:
            for p in rest:
                p.requires_grad_(True)

    for _ in range(3):
        optimizer.step(closure, ascent_closure=ascent)
        at_w, moved = seen[-2:]
        assert same(at_w[:2], moved[:2])
        assert not same(at_w[2:], moved[2:])
    return list(model.parameters())


def test_a_shorter_ascent_equals_a_metric_over_the_last_layer() -> None:
    assert same(_trained(freezes=True), _trained(freezes=False))
