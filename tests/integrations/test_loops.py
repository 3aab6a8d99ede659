"""The plain loop and Fabric: a closure or two lines through its proxy; and the example scripts."""

import ast
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn.functional import cross_entropy

import sssam
from sssam.schedules import constant
from tests.integrations import by_hand

STEPS, SCALE = 12, 2.0**8


def _net(dropout: float = 0.2) -> nn.Sequential:
    torch.manual_seed(1)
    layers = [nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3)]
    return nn.Sequential(*layers)


def _batch(t: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(t)
    return torch.randn(16, 5, generator=generator), torch.randint(3, (16,), generator=generator)


def _sharp(net: nn.Module, p: float = 0.5) -> sssam.SSSAM:
    base = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    return sssam.SSSAM(base, schedule=constant(p), total_steps=STEPS, rho=0.1, mix=0.4, model=net)


class InFabric:
    """A model and an optimizer that went through `fabric.setup`."""

    def __init__(self, precision: str, p: float = 0.5) -> None:
        fabric = pytest.importorskip("lightning_fabric", reason="lightning-fabric is missing")
        from lightning_fabric.plugins.precision import MixedPrecision

        how: dict[str, Any] = {"precision": precision}
        if precision == "16-mixed":
            scaler = GradScaler("cpu", init_scale=SCALE)
            how = {"plugins": [MixedPrecision("16-mixed", "cpu", scaler)]}
        self.fabric = fabric.Fabric(accelerator="cpu", devices=1, **how)
        self.net = _net()
        self.sharp = _sharp(self.net, p)
        self.model, self.optimizer = self.fabric.setup(self.net, self.sharp)

    def backward(self, t: int, factor: float = 1.0) -> Tensor:
        x, y = _batch(t)
        loss = cross_entropy(self.model(x), y) * factor
        self.fabric.backward(loss)
        return loss

    def by_closure(self, t: int) -> None:
        def closure() -> Tensor:
            self.optimizer.zero_grad()
            return self.backward(t)

        self.optimizer.step(closure)

    def by_two_lines(self, t: int, clip: float | None = None, factor: float = 1.0) -> None:
        self.backward(t, factor)
        if self.optimizer.ascend():  # with the scaler that Fabric has
            self.backward(t, factor)
        if clip is not None:
            self.optimizer.conclude()
            self.fabric.clip_gradients(self.model, self.optimizer, max_norm=clip)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def by_passes(self, t: int) -> None:
        for p in self.optimizer.passes(_batch(t), backward=self.fabric.backward):
            p.backward(cross_entropy(self.model(p.x), p.y, reduction="none"))
        self.optimizer.step()


def _by_hand(precision: str, clip: float | None = None) -> nn.Module:
    net = _net()
    base = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    trial = sssam.Draws(constant(0.5), STEPS, seed=0)
    narrow, scale = torch.bfloat16, 1.0
    if precision == "16-mixed":
        narrow, scale = torch.float16, SCALE
    torch.manual_seed(5)
    for t in range(STEPS):
        x, y = _batch(t)

        def loss(x: Tensor = x, y: Tensor = y) -> Tensor:
            with torch.autocast("cpu", narrow, enabled=precision != "32-true"):
                logits = net(x.to(narrow) if precision != "32-true" else x)
            return cross_entropy(logits.float(), y) * scale

        by_hand.step(net, base, [loss], sharp=trial(t), rho=0.1, mix=0.4, clip=clip, scale=scale)
    return net


@pytest.mark.parametrize("clip", [None, 0.2])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_two_lines_through_fabric_equal_a_loop_by_hand(precision: str, clip: float | None) -> None:
    run = InFabric(precision)
    torch.manual_seed(5)
    for t in range(STEPS):
        run.by_two_lines(t, clip)
    by_hand.close(run.net, _by_hand(precision, clip))
    assert run.sharp.steps == run.optimizer.steps == STEPS
    assert 0 < run.sharp.ascents < STEPS


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_closure_through_fabric_equals_a_loop_by_hand(precision: str) -> None:
    run = InFabric(precision)
    torch.manual_seed(5)
    for t in range(STEPS):
        run.by_closure(t)
    by_hand.close(run.net, _by_hand(precision))
    assert run.sharp.counters.forwards == STEPS + run.sharp.ascents


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_passes_with_fabric_s_own_backward_equal_a_loop_by_hand(precision: str) -> None:
    run = InFabric(precision)
    torch.manual_seed(5)
    for t in range(STEPS):
        run.by_passes(t)
    by_hand.close(run.net, _by_hand(precision))


def test_a_closure_in_fabric_s_float16_is_refused() -> None:
    with pytest.raises(RuntimeError, match="Closure use is not currently supported"):
        InFabric("16-mixed", 0.0).by_closure(0)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_step_that_fabric_s_scaler_skips(p: float) -> None:
    run = InFabric("16-mixed", p)
    for t in range(4):
        before = [w.detach().clone() for w in run.net.parameters()]
        run.by_two_lines(t, factor=math.inf if t == 2 else 1.0)
        same = all(map(torch.equal, before, run.net.parameters()))
        assert same == (t == 2)
    assert run.sharp.steps == 3
    assert run.fabric.strategy.precision.scaler.get_scale() == SCALE / 2


@pytest.mark.parametrize("early", [True, False])
def test_clipping_too_early_in_fabric_s_float16_is_refused(early: bool) -> None:
    """The scaler knows the optimizer inside the proxy; so does the check."""
    run = InFabric("16-mixed", 1.0)
    run.backward(0)
    if not early:
        run.optimizer.ascend()
        run.backward(0)
    run.fabric.clip_gradients(run.model, run.optimizer, max_norm=1.0)
    call = "ascend" if early else "conclude"
    with pytest.raises(RuntimeError, match=rf"unscale_\(optimizer\) was called before {call}\(\)"):
        getattr(run.optimizer, call)()


def test_fabric_s_checkpoint_resumes_to_the_bit(tmp_path: Path) -> None:
    whole, cut, resumed = (InFabric("16-mixed") for _ in range(3))
    for run, steps in ((whole, range(STEPS)), (cut, range(5))):
        torch.manual_seed(5)
        for t in steps:
            run.by_two_lines(t, 0.2)
    rng = torch.get_rng_state()
    cut.fabric.save(tmp_path / "run.ckpt", {"model": cut.model, "optimizer": cut.optimizer})
    state = {"model": resumed.model, "optimizer": resumed.optimizer}
    resumed.fabric.load(tmp_path / "run.ckpt", state)
    torch.set_rng_state(rng)
    for t in range(5, STEPS):
        resumed.by_two_lines(t, 0.2)
    by_hand.equal(whole.net, resumed.net)
    assert whole.sharp.propagations == resumed.sharp.propagations


NEEDS = {
    "plain_loop": [],
    "fabric_loop": ["lightning_fabric"],
    "accelerate_loop": ["accelerate"],
    "skorch_estimator": ["skorch"],
    "peft_lora": ["peft"],
    "lightning_trainer": ["lightning"],
    "transformers_trainer": ["transformers", "accelerate"],
}


@pytest.mark.parametrize("name", NEEDS)
def test_the_example_runs(name: str) -> None:
    for needed in ["sklearn", *NEEDS[name]]:
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    done = subprocess.run(
        [sys.executable, str(by_hand.EXAMPLES / f"{name}.py")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    accuracy, spent = done.stdout.splitlines()[-1].split(", ")
    assert float(accuracy.removeprefix("accuracy ")) > (0.6 if "transf" in name else 0.9)
    assert 1.4 < float(spent.removesuffix(" propagations a step")) < 1.6


#: Those that are run by other tests.
ELSEWHERE = {
    "torchrun_loop": "distributed/test_faults.py",
}


def test_every_example_is_run() -> None:
    assert {path.stem for path in by_hand.EXAMPLES.glob("*.py")} == {*NEEDS, *ELSEWHERE}
    for name, file in ELSEWHERE.items():
        assert f"{name}.py" in (by_hand.EXAMPLES.parent / "tests" / file).read_text()


@pytest.mark.parametrize("name", [*NEEDS, *ELSEWHERE])
def test_an_example_has_ten_to_forty_lines_of_code(name: str) -> None:
    text = (by_hand.EXAMPLES / f"{name}.py").read_text()
    documented = {
        i
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for i in range(node.lineno - 1, (node.end_lineno or node.lineno))
    }
    code = [
        line
        for i, line in enumerate(text.splitlines())
        if i not in documented and line.strip() and not line.lstrip().startswith("#")
    ]
    assert 10 <= len(code) <= 40
