"""Parameters of the model that another optimizer has: their gradient is that of one pass."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sssam

FORMS = ["closure", "two lines", "passes"]
X = torch.linspace(-1, 1, 24, dtype=torch.float64).view(4, 6)


def _net() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)).double()


def _loss(net: nn.Module) -> Tensor:
    return (net(X) ** 2).mean() + net(X).sum()


def _run(optimizer: Any, net: nn.Module, form: str) -> None:
    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = _loss(net)
        loss.backward()
        return loss

    if form == "closure":
        optimizer.step(closure)
    elif form == "two lines":
        _loss(net).backward()
        if optimizer.ascend():
            _loss(net).backward()
        optimizer.step()
        optimizer.zero_grad()
    else:
        for p in optimizer.passes(X):
            p.backward(_loss(net))
        optimizer.step()


@pytest.mark.parametrize("kind", ["SAM", "GSAM", "WSAM", "LookSAM", "USAM"])
@pytest.mark.parametrize("form", FORMS)
def test_another_s_gradient_is_that_of_the_pass_at_w(form: str, kind: str) -> None:
    net, more = _net(), {"lr_max": 0.1} if kind == "GSAM" else {}
    base = torch.optim.SGD(net[0].parameters(), lr=0.1)
    optimizer = getattr(sssam, kind)(base, rho=0.1, model=net, **more)
    other = torch.optim.AdamW(net[2].parameters())
    for _ in range(3):
        other.zero_grad()
        expected = torch.autograd.grad(_loss(net), list(net[2].parameters()))
        _run(optimizer, net, form)
        for p, gradient in zip(net[2].parameters(), expected, strict=True):
            torch.testing.assert_close(p.grad, gradient, rtol=1e-12, atol=1e-12)
        other.step()


def test_of_a_part_batch_ascent_it_is_that_of_the_whole_pass() -> None:
    net = _net()
    base = torch.optim.SGD(net[0].parameters(), lr=0.1)
    optimizer = sssam.SAM(base, rho=0.1, ascent_fraction=0.5, model=net)
    for p in optimizer.passes(X):
        loss = (net(p.batch) ** 2).mean()
        if p.phase == "descent":
            expected = torch.autograd.grad(loss, list(net[2].parameters()), retain_graph=True)
        p.backward(loss)
    optimizer.step()
    for p, gradient in zip(net[2].parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, gradient)


def test_it_stays_in_its_memory_and_accumulates_over_steps() -> None:
    """As a view of one flat tensor, which others reduce as a whole."""
    net = _net()
    flat = torch.zeros(12, dtype=torch.float64)
    net[2].weight.grad, net[2].bias.grad = flat[:10].view(2, 5), flat[10:]
    base = torch.optim.SGD(net[0].parameters(), lr=0.0)
    optimizer = sssam.SAM(base, rho=0.1, model=net)
    gradients = torch.autograd.grad(_loss(net), list(net[2].parameters()))
    for _ in range(2):
        _run(optimizer, net, "two lines")
    assert net[2].weight.grad.data_ptr() == flat.data_ptr()
    torch.testing.assert_close(flat, 2 * torch.cat([g.flatten() for g in gradients]))


@pytest.mark.parametrize("end", ["restore", "error"])
def test_a_step_that_is_given_up_leaves_the_one_of_before(end: str) -> None:
    net = _net()
    optimizer = sssam.SAM(torch.optim.SGD(net[0].parameters(), lr=0.1), rho=0.1, model=net)
    _loss(net).backward()
    before = net[2].weight.grad.clone()
    optimizer.ascend()
    _loss(net).backward()
    if end == "restore":
        optimizer.restore()
    else:
        with pytest.raises(RuntimeError, match="twice"):
            optimizer.ascend()
    assert torch.equal(net[2].weight.grad, before)


def test_two_optimizers_of_one_model_take_turns_or_are_refused() -> None:
    net = _net()
    parts = [torch.optim.SGD(net[i].parameters(), lr=0.1) for i in (0, 2)]
    one, other = (sssam.SAM(base, rho=0.1, model=net) for base in parts)
    w = [p.detach().clone() for p in net[2].parameters()]
    _loss(net).backward()
    one.ascend()
    _loss(net).backward()
    with pytest.raises(RuntimeError, match=r"another sharpness-aware.*a list of the base"):
        other.ascend()
    assert all(map(torch.equal, w, net[2].parameters()))
    one.step()
    one.zero_grad()
    other.ascend()
    _loss(net).backward()
    other.step()
    assert (one.steps, other.steps) == (1, 1)


def test_two_models_are_no_rivals() -> None:
    nets = [_net(), _net()]
    pair = [sssam.SAM(torch.optim.SGD(n.parameters(), lr=0.1), model=n) for n in nets]
    for net in nets:
        _loss(net).backward()
    for optimizer in pair:
        optimizer.ascend()
    for net in nets:
        _loss(net).backward()
    for optimizer in pair:
        optimizer.step()
    assert torch.equal(nets[0][0].weight, nets[1][0].weight)
