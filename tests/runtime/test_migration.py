"""A call in another SAM library's form ends in an error whose lines are right code."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import sssam
from tests.integrations import by_hand

#: Calls that are wrong are no concern of mypy's.
ours: Any = sssam
SGD, ADAM = torch.optim.SGD, torch.optim.AdamW
SETTINGS = {"lr": 0.2, "momentum": 0.9}


def _names() -> dict[str, Any]:
    torch.manual_seed(0)
    model, x, y = nn.Linear(4, 3), torch.randn(8, 4), torch.arange(8) % 3
    names = {"torch": torch, "sssam": sssam, "model": model, "x": x, "y": y, "epochs": 2}
    return {**names, "criterion": nn.CrossEntropyLoss(), "loader": range(5)}


def _lines(error: BaseException) -> str:
    return str(error).split("Write\n", 1)[1]


CASES: list[tuple[Callable[[nn.Module], Any], str, str]] = [
    (lambda m: ours.SAM(m.parameters(), SGD, rho=0.1, **SETTINGS), "lr=, momentum=", "SAM"),
    (
        lambda m: ours.SAM(list(m.parameters()), base_optimizer=SGD, lr=0.2),
        "base_optimizer=",
        "SAM",
    ),
    (lambda m: ours.SAM(m.parameters(), ADAM, lr=0.2, betas=(0.9, 0.99)), "lr=, betas=", "SAM"),
    (lambda m: ours.SAM(m.parameters(), rho=0.1), "has the parameters", "SAM"),
    (lambda m: ours.SAM([{"params": m.parameters()}], SGD, lr=0.2), "has the parameters", "SAM"),
    (lambda m: ours.SAM(params=m.parameters(), base_optimizer=SGD), "params=", "SAM"),
    (lambda m: ours.SAM(m.parameters(), SGD, adaptive=True, rho=2.0), "a class, ASAM", "ASAM"),
    (lambda m: ours.SAM(SGD(m.parameters(), lr=0.2), adaptive=True), "a class, ASAM", "ASAM"),
    (lambda m: ours.SAM(m.parameters(), SGD, adaptive=False, lr=0.2), "adaptive=", "SAM"),
    (lambda m: ours.SAM(SGD(m.parameters(), lr=0.2), interval=10), "interval=", "SharpnessAware"),
    (lambda m: ours.SAM(SGD(m.parameters()), epsilon=1e-12), "epsilon=: a zero", "SAM"),
    (lambda m: ours.SAM(m.parameters(), SGD, use_gc=True), "use_gc=", "SAM"),
    (lambda m: ours.SAM(SGD(m.parameters()), perturb_eps=1e-12), "perturb_eps=", "SAM"),
    (lambda m: ours.SAM(optimizer=SGD(m.parameters())), "optimizer=", "SAM"),
    (lambda m: ours.SAM(SGD(m.parameters()), num_update_steps=9), "num_update_steps=", "SAM"),
    (lambda m: ours.SAM(SGD(m.parameters()), nbs=64), "nbs=", "SAM"),
    (lambda m: ours.WSAM(m, m.parameters(), SGD, gamma=0.8), "has the parameters", "WSAM"),
    (lambda m: ours.GSAM(params=m.parameters(), base_optimizer=SGD, model=m), "params=", "GSAM"),
    (lambda m: ours.SSSAM(m.parameters(), ADAM, lr=0.2), "has the parameters", "SSSAM"),
    (lambda m: ours.LookSAM(m.parameters(), SGD, lr=0.2, k=5), "lr=", "LookSAM"),
]


@pytest.mark.parametrize(("build", "text", "kind"), CASES, ids=[case[1] for case in CASES])
def test_the_line_of_the_error_builds_the_optimizer(
    build: Callable[[nn.Module], Any], text: str, kind: str
) -> None:
    names = _names()
    names["base"] = SGD(names["model"].parameters(), lr=0.2)
    with pytest.raises(TypeError, match=text) as caught:
        build(names["model"])
    exec(_lines(caught.value), names)
    built = names["optimizer"]
    assert type(built) is getattr(sssam, kind)
    for p in built.passes((names["x"], names["y"])):
        p.backward(names["criterion"](names["model"](p.x), p.y))
    built.step()


def test_the_settings_are_taken_over() -> None:
    names = _names()
    with pytest.raises(TypeError) as caught:
        ours.SAM(names["model"].parameters(), SGD, rho=2.0, adaptive=True, lr=0.2, momentum=0.9)
    assert _lines(caught.value).split("\n")[1:3] == [
        "base = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)",
        "optimizer = sssam.ASAM(base, rho=2.0, eta=0, model=model)",
    ]


@pytest.mark.parametrize("name", ["first_step", "second_step", "ascent_step", "descent_step"])
def test_the_lines_for_a_missing_method_are_a_step(name: str) -> None:
    ends = []
    for by_closure in (False, True):
        names = _names()
        model, x, y = names["model"], names["x"], names["y"]
        names["optimizer"] = optimizer = sssam.SAM(SGD(model.parameters(), lr=0.2), model=model)
        if by_closure:

            def closure(optimizer: Any = optimizer, names: Any = names) -> Any:
                optimizer.zero_grad()
                loss = names["criterion"](names["model"](names["x"]), names["y"])
                loss.backward()
                return loss

            optimizer.step(closure)
        else:
            names["loss"] = names["criterion"](model(x), y)
            with pytest.raises(AttributeError, match=f"no attribute '{name}'") as caught:
                getattr(optimizer, name)(zero_grad=True)
            exec(_lines(caught.value), names)
        assert optimizer.ascents == 1
        ends.append(model)
    by_hand.equal(*ends)


def test_the_line_for_the_base_and_no_line_for_others() -> None:
    model = nn.Linear(2, 2)
    base = SGD(model.parameters(), lr=0.1)
    names: dict[str, Any] = {"optimizer": sssam.SAM(base, model=model)}
    assert not hasattr(names["optimizer"], "base_optimizer")
    with pytest.raises(AttributeError) as caught:
        _ = names["optimizer"].base_optimizer
    exec(_lines(caught.value), names)
    assert names["base"] is base
    with pytest.raises(AttributeError, match=r"no attribute 'radius'$"):
        _ = names["optimizer"].radius


def test_a_subclass_keeps_its_own_signature_and_other_mistakes_python_s_errors() -> None:
    class Mine(sssam.SAM):
        def __init__(self, params: Any, base_optimizer: Any, **settings: Any) -> None:
            super().__init__(base_optimizer(params, **settings), model=False)

    assert Mine(nn.Linear(2, 2).parameters(), base_optimizer=SGD, lr=0.3).defaults["lr"] == 0.3
    with pytest.raises(TypeError, match="unexpected keyword argument 'roh'"):
        ours.SAM(SGD(nn.Linear(2, 2).parameters()), roh=0.1)
