"""What the runtime knows of a loop, a model or a training must not outlive what it was made of."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import sssam
from sssam.runtime.buffers import Buffers
from sssam.runtime.generators import Generators
from sssam.runtime.layout import Layout
from sssam.runtime.tensors import Extents
from sssam.schedules import constant

X = torch.linspace(-1.0, 1.0, 12).view(4, 3).sin()


def _normed(**settings: Any) -> tuple[nn.Sequential, sssam.SSSAM]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    base = torch.optim.SGD(model.parameters(), lr=0.1)
    given = {"schedule": constant(1.0), "total_steps": 9, "model": model, **settings}
    return model, sssam.SSSAM(base, **given)


def _closure(model: nn.Module, optimizer: Any) -> Callable[[], Tensor]:
    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = (model(X) - 1).pow(2).mean()
        loss.backward()
        return loss

    return closure


def test_a_buffer_that_takes_the_memory_a_parameter_had_is_put_back() -> None:
    model, optimizer = _normed()
    optimizer.step(_closure(model, optimizer))
    norm, bias = model[1], model[0].bias
    left = bias.data
    bias.data = left.clone()
    norm.running_mean.data = left.copy_(norm.running_mean)
    with torch.no_grad():
        expected = 0.9 * left + 0.1 * model[0](X).mean(0)
    optimizer.step(_closure(model, optimizer))
    torch.testing.assert_close(norm.running_mean, expected)


@pytest.mark.parametrize("change", [Tensor.t, lambda data: data[:2]])
def test_a_parameter_takes_another_shape_where_it_lies(change: Callable[[Tensor], Tensor]) -> None:
    p = nn.Parameter(torch.arange(9.0).view(3, 3).sin())
    optimizer = sssam.SAM(torch.optim.SGD([p], lr=0.1), rho=0.5, model=False)

    def step(optimizer: Any, p: Tensor) -> Tensor:
        for each in optimizer.passes(X):
            each.backward((p * (p + 1)[0]).pow(2).sum())
        optimizer.step()
        return p.detach()

    step(optimizer, p)
    p.data = change(p.data)
    fresh = nn.Parameter(p.detach().clone())
    expected = step(sssam.SAM(torch.optim.SGD([fresh], lr=0.1), rho=0.5, model=False), fresh)
    torch.testing.assert_close(step(optimizer, p), expected)


def test_generators_follow_the_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[torch.device] = []
    monkeypatch.setattr("sssam.runtime.generators._of_device", lambda d: asked.append(d) or str)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    Generators([torch.device("cpu"), torch.device("cuda", 0)]).note()
    assert {d.index for d in asked} == {0, 1}  # offloaded parameters lie on the host


def test_a_part_pass_that_is_given_up_before_ascend_is_rolled_back() -> None:
    model, optimizer = _normed(ascent_fraction=0.5)
    assert optimizer.will_ascend
    torch.rand(1)  # the loader's: read again, the step is begun again
    assert optimizer.will_ascend
    mean, state = model[1].running_mean.clone(), torch.get_rng_state()
    (model(X[:2]) + torch.rand(3)).sum().backward()
    optimizer.restore()
    assert torch.equal(model[1].running_mean, mean)
    assert torch.equal(torch.get_rng_state(), state)


def _flat() -> tuple[nn.Linear, sssam.SAM]:
    model = nn.Linear(3, 1)
    flat = torch.zeros(4)
    model.weight.grad, model.bias.grad = flat[:3].view(1, 3), flat[3:]
    base = torch.optim.SGD(model.parameters(), lr=0.1)
    return model, sssam.SAM(base, rho=0.1, model=model)


def test_gradients_that_stay_in_place_may_be_cleared_between_the_passes() -> None:
    model, optimizer = _flat()
    model(X).pow(2).sum().backward()
    assert optimizer.ascend()
    optimizer.zero_grad(set_to_none=False)
    model(X).pow(2).sum().backward()
    optimizer.step()
    assert (optimizer.steps, optimizer.ascents) == (1, 1)


def test_gradients_that_stay_in_place_do_not_hide_that_the_second_pass_is_missing() -> None:
    model, optimizer = _flat()
    w = model.weight.detach().clone()
    model(X).pow(2).sum().backward()
    assert optimizer.ascend()
    with pytest.raises(RuntimeError, match=r"again before step\(\)"):
        optimizer.step()
    assert torch.equal(model.weight, w)
    assert not optimizer.steps


def test_a_group_of_another_base_s_parameters_is_not_added() -> None:
    a, b = (nn.Parameter(torch.ones(2)) for _ in range(2))
    bases = [torch.optim.SGD([a], lr=0.1), torch.optim.Adam([b])]
    optimizer = sssam.SAM(bases, model=False)
    with pytest.raises(ValueError, match=r"SGD and Adam own the same parameter; split them"):
        optimizer.add_param_group({"params": [b]})
    assert [group["params"] for group in optimizer.param_groups] == [[a], [b]]


def test_a_checkpoint_does_not_meet_the_batch_of_another_step() -> None:
    def made() -> tuple[nn.Linear, sssam.SAMPa]:
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        return model, sssam.SAMPa(torch.optim.SGD(model.parameters(), lr=0.1), model=model)

    def step(model: nn.Module, optimizer: Any, x: Tensor) -> None:
        for p in optimizer.passes((x, x[:, :1])):
            p.backward((model(p.x) - p.y).pow(2).mean())
        optimizer.step()

    model, optimizer = made()
    step(model, optimizer, X)
    saved = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    fresh, other = made()
    step(model, optimizer, -2 * X)
    for one, its in ((model, optimizer), (fresh, other)):
        one.load_state_dict(saved[0])
        its.load_state_dict(saved[1])
        step(one, its, X)
    assert torch.equal(model.weight, fresh.weight)


def test_a_hook_that_gives_up_leaves_the_method_s_own_part_of_the_update() -> None:
    weights = []
    for hooked in (False, True):
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        base = torch.optim.SGD(model.parameters(), lr=0.1)
        optimizer = sssam.WSAM(base, rho=0.5, model=model)
        if hooked:
            optimizer.register_step_post_hook(lambda wrapper, *_: wrapper.restore())
        optimizer.step(_closure(model, optimizer))
        weights.append(model.weight.detach())
    assert torch.equal(*weights)


def _given_the_freed_place(buffer: Tensor) -> bool:
    """Frees a tensor's memory and gives it new memory, if there is some, where the old one lay."""
    before, others = buffer.data_ptr(), list[Tensor]()
    buffer.untyped_storage().resize_(0)
    for _ in range(5000):
        others.append(torch.zeros(len(buffer)))
        if others[-1].data_ptr() == before:
            break
    buffer.data = others[-1]
    return buffer.data_ptr() == before


@pytest.mark.parametrize("moves", [False, True])
def test_a_buffer_whose_new_memory_lies_where_its_freed_memory_lay(moves: bool) -> None:
    model = nn.Linear(3, 3)
    buffer = torch.zeros(100)
    model.register_buffer("b", buffer)
    buffers, apart = Buffers(Layout(model)), Extents([])
    reused = 0
    for trial in range(20):
        buffers.note(apart)
        buffer.add_(moves)
        buffers.put_back()
        reused += _given_the_freed_place(buffer)
        buffer.fill_(trial)
        buffers.note(apart)
        reused += _given_the_freed_place(buffer)
        buffers.put_back()
        assert buffer.tolist() == [trial] * 100
    assert reused > 0
