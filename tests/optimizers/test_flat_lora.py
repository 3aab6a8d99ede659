"""Flat-LoRA: noise on merged weights that has the length asked for, and is stored nowhere."""

import copy
import math
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.checkpoint import checkpoint

import sssam
from sssam.methods.merged import Noise, merged
from tests.problems import BASES, Problem, by_best, flat, same

peft = pytest.importorskip("peft", reason="peft is not installed")
IN, OUT, STEPS = 120, 80, 10


def lora(inner: nn.Module | None = None, **more: Any) -> nn.Module:
    """A layer of 80 x 120 numbers, with an adapter that is not 0."""
    torch.manual_seed(0)
    net = nn.Sequential(inner or nn.Linear(IN, OUT))
    config = {"r": 3, "target_modules": ["0"], "lora_alpha": 12, "init_lora_weights": False}
    model: nn.Module = peft.get_peft_model(net, peft.LoraConfig(**{**config, **more}))
    return model


def flat_lora(trained: nn.Module, **more: Any) -> sssam.FlatLoRA:
    base = torch.optim.SGD([p for p in trained.parameters() if p.requires_grad], lr=0.1)
    return sssam.FlatLoRA(base, **{"model": trained, "total_steps": STEPS, "rho": 0.1, **more})


def perturbation(model: nn.Module, optimizer: sssam.FlatLoRA) -> Tensor:
    """What is added to the merged weights at the coming step, read off the outputs."""
    model.eval()
    x = torch.eye(IN)
    plain = model(x)
    optimizer.ascend()
    with_noise = model(x)
    optimizer.restore()
    assert torch.equal(model(x), plain)
    return (with_noise - plain).detach().T


@pytest.mark.parametrize("t", [3, 5, 10, 14])
def test_the_merged_perturbation_has_the_length_that_was_asked_for(t: int) -> None:
    model = lora()
    optimizer = flat_lora(model)
    optimizer._training.counters.steps = t
    e, layer = perturbation(model, optimizer), model.base_model.model[0]
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    w = layer.base_layer.weight + 4 * b @ a
    assert (w - layer.base_layer.weight).norm() > layer.base_layer.weight.norm()
    strength = 0.1 * (1 - math.cos(math.pi * min(t / STEPS, 1))) / 2
    # The sum of N squares of normal numbers is N, to sqrt(2 / N) of it.
    wanted = strength * w.norm(dim=1)
    assert (e.norm() / wanted.norm()).item() == pytest.approx(1, abs=5 / math.sqrt(2 * IN * OUT))
    assert (e.norm(dim=1) / wanted).mean().item() == pytest.approx(1, abs=0.05)
    torch.testing.assert_close(e.norm(dim=1) / wanted, torch.ones(OUT), rtol=0, atol=0.35)


def test_the_noise_is_another_at_each_step_and_layer_and_the_same_when_asked_again() -> None:
    model = lora()
    optimizer = flat_lora(model)
    drawn = []
    for t in (4, 4, 5):
        optimizer._training.counters.steps = t
        drawn.append(perturbation(model, optimizer))
    assert torch.equal(drawn[0], drawn[1])
    units = [e / e.norm() for e in (drawn[0], drawn[2])]
    assert abs((units[0] * units[1]).sum().item()) < 0.05
    layer = nn.Linear(IN, IN)
    one, other = (Noise(layer, 0.1, 0, 2**20 + i).draw() for i in range(2))
    assert not torch.equal(one, other)


def test_neither_noise_nor_weights_are_stored_and_frozen_ones_stay() -> None:
    model = lora()
    optimizer = flat_lora(model)
    frozen = [p.clone() for p in model.parameters() if not p.requires_grad]
    x, y = torch.randn(8, IN), torch.randn(8, OUT)
    alive: list[weakref.ref[Tensor]] = []
    draw = Noise.draw

    def watched(noise: Noise) -> Tensor:
        e = draw(noise)
        alive.append(weakref.ref(e))
        return e

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Noise, "draw", watched)
        for _ in range(STEPS):
            optimizer.ascend()
            loss = mse_loss(model(x.requires_grad_()), y)
            assert all(each() is None for each in alive)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert len(alive) == 2 * (STEPS - 1)  # in each pass of each step; at the first rho is 0
    assert tuple(optimizer.memory) == (0, 0)
    assert same([p for p in model.parameters() if not p.requires_grad], frozen)
    assert not model.base_model.model[0]._forward_hooks


def test_the_gradient_of_what_comes_before_is_that_at_the_weights_with_noise() -> None:
    """float64, against the noise on the weights themselves."""
    net = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)).double()
    twin = copy.deepcopy(net)
    base = torch.optim.SGD(net.parameters(), lr=0.0)
    optimizer = sssam.FlatLoRA(base, model=net, total_steps=2, rho=0.6, layers="all-linear")
    optimizer._training.counters.steps = 1
    x = torch.randn(4, 5, dtype=torch.float64)
    optimizer.ascend()
    (net(x) ** 2).sum().backward()
    found = [p.grad for p in net.parameters()]
    for i, layer in enumerate((twin[0], twin[2])):
        e = Noise(layer, 0.3, 0, 2**20 + i).draw()
        layer.weight.data += e
    optimizer.restore()
    (twin(x) ** 2).sum().backward()
    for ours, p in zip(found, twin.parameters(), strict=True):
        torch.testing.assert_close(ours, p.grad, rtol=1e-12, atol=1e-12)


def test_a_checkpointed_forward_pass_meets_the_same_noise() -> None:
    ends = []
    for again in (False, True):
        model = lora().double()
        optimizer = flat_lora(model)
        optimizer._training.counters.steps = 1
        x = torch.ones(4, IN, dtype=torch.float64, requires_grad=True)
        optimizer.ascend()
        out = checkpoint(model, x, use_reentrant=False) if again else model(x)
        (out**2).sum().backward()
        optimizer.step()
        ends.append([p for p in model.parameters() if p.requires_grad])
    assert same(*ends)


def test_half_precision_under_autocast() -> None:
    model = lora()
    optimizer = flat_lora(model)
    optimizer._training.counters.steps = 1
    x = torch.ones(4, IN, requires_grad=True)
    optimizer.ascend()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(x).float().square().mean()
    loss.backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.float32
    optimizer.step()


@pytest.mark.parametrize("at", [0, 1])
def test_after_an_error_in_a_pass_there_is_no_noise_left(at: int) -> None:
    problem = Problem()
    layers = [module for module in problem.model if isinstance(module, nn.Linear)]
    base = BASES["sgd"](problem.params)
    optimizer = sssam.FlatLoRA(base, model=problem.model, total_steps=STEPS, layers=layers)
    by_best(problem, optimizer, 1 + at)

    def failing() -> Tensor:
        optimizer.zero_grad()
        problem.loss(0).backward()
        assert all(layer._forward_hooks for layer in layers)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        optimizer.step(failing)
    assert not any(layer._forward_hooks for layer in layers)
    optimizer.zero_grad()
    optimizer.ascend()
    assert all(layer._forward_hooks for layer in layers)
    optimizer.restore()
    assert not any(layer._forward_hooks for layer in layers)


def test_layers_that_are_not_called_are_an_error() -> None:
    problem = Problem()
    base = BASES["sgd"](problem.params)
    optimizer = sssam.FlatLoRA(
        base, model=problem.model, total_steps=STEPS, layers=[nn.Linear(2, 2), nn.Linear(2, 2)]
    )
    by_best(problem, optimizer, 1)  # of strength 0
    before = flat(problem.params)
    with pytest.raises(RuntimeError, match="none of the layers with noise was called"):
        by_best(problem, optimizer, 1)
    assert torch.equal(flat(problem.params), before)


def test_rho_0_is_the_base_to_the_bit() -> None:
    one, other = Problem(norm=True), Problem(norm=True)
    base = BASES["momentum"](one.params)
    optimizer = sssam.FlatLoRA(base, model=one.model, total_steps=9, rho=0, layers="all-linear")
    by_best(one, optimizer, 9)
    by_best(other, BASES["momentum"](other.params), 9)
    assert same(one.params, other.params)


def test_a_group_s_own_radius_is_refused() -> None:
    model = lora()
    optimizer = flat_lora(model)
    optimizer.param_groups[0]["sssam_rho"] = 0.1
    with pytest.raises(ValueError, match="'sssam_rho', and the noise is on layers; delete it"):
        optimizer.ascend()


def test_the_merged_weight_is_what_peft_merges() -> None:
    from transformers.pytorch_utils import Conv1D

    for inner in (None, Conv1D(OUT, IN)):
        model = lora(inner, fan_in_fan_out=inner is not None)
        layer = model.base_model.model[0]
        found = merged(layer)
        assert found.shape == (OUT, IN)
        x = torch.eye(IN)
        made = model(x) - model(torch.zeros(1, IN))
        torch.testing.assert_close(found.T, made.detach(), rtol=1e-4, atol=1e-5)
        layer.merge()
        torch.testing.assert_close(merged(layer), found, rtol=1e-5, atol=1e-6)
        layer.unmerge()
        with model.disable_adapter():
            assert not torch.allclose(merged(layer), found)


def test_all_linear_layers_are_those_with_adapters_and_those_without() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    model = peft.get_peft_model(net, peft.LoraConfig(r=2, target_modules=["0"]))
    adapted, plain = model.base_model.model[0], model.base_model.model[2]
    assert flat_lora(model).method.layers == (adapted,)  # type: ignore[attr-defined]
    assert flat_lora(model, layers="all-linear").method.layers == (adapted, plain)  # type: ignore[attr-defined]


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "no adapters": (lambda: flat_lora(nn.Linear(2, 2)), ValueError, "model has no LoRA layers of"),
    "an embedding's alone": (lambda: flat_lora(lora(nn.Embedding(5, 4))), ValueError, "no LoRA"),
    "no model": (lambda: flat_lora(lora(), model=None), TypeError, "model must be the torch"),
    "DoRA": (lambda: flat_lora(lora(use_dora=True)), ValueError, "a variant of LoRA .*use plain"),
    "another layer": (lambda: flat_lora(lora(), layers=[nn.Tanh()]), TypeError, "not Tanh"),
    "a word": (lambda: flat_lora(lora(), layers="all"), ValueError, "layers must be 'lora', 'all-"),
    "rho": (lambda: flat_lora(lora(), rho=-1), ValueError, "rho must be at least 0, not -1"),
    "steps": (lambda: flat_lora(lora(), total_steps=0), ValueError, "total_steps must be at least"),
    "a seed": (lambda: flat_lora(lora(), seed=-1), ValueError, "seed must be at least 0"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_it_can_t_do_is_refused(case: str) -> None:
    build, kind, text = WRONG[case]
    with pytest.raises(kind, match=text):
        build()


def test_a_quantised_weight_is_refused() -> None:
    model = lora()
    layer = model.base_model.model[0].base_layer
    layer.weight = nn.Parameter(torch.zeros(OUT, IN, dtype=torch.int8), requires_grad=False)
    with pytest.raises(TypeError, match=r"is quantised \(torch.int8\) or sharded"):
        flat_lora(model)
