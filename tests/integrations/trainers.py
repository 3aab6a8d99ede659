"""One short training in each trainer that is installed, of an optimizer that the caller builds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import sssam

Build = Callable[[torch.optim.Optimizer, nn.Module, int], sssam.SharpnessAware]
STEPS, BATCH = 3, 4


def data() -> tuple[Tensor, Tensor]:
    """Samples and labels, a batch for each step."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(STEPS * BATCH, 5, generator=generator)
    return x, torch.arange(len(x)) % 3


class Net(nn.Sequential):
    """A network with batch norm, which SAM-ON needs."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        super().__init__(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))


def base(net: nn.Module) -> torch.optim.Optimizer:
    """With momentum, which Momentum-SAM needs."""
    return torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


def _step(optimizer: Any, model: Any, x: Tensor, y: Tensor, backward: Any) -> None:
    sharp = sssam.unwrap(optimizer)
    if sharp.method.facts.opening == "moved":
        sharp.ascend()
        backward(cross_entropy(model(x), y))
    else:
        part = sharp.method.facts.ascent_fraction
        k = round(part * len(x)) if part < 1 and sharp.will_ascend else len(x)
        backward(cross_entropy(model(x[:k]), y[:k]))
        if sharp.ascend(k / len(x)):
            backward(cross_entropy(model(x), y))
    optimizer.step()
    optimizer.zero_grad()


def by_hand(build: Build, folder: Path) -> sssam.SharpnessAware:
    """The two lines."""
    net = Net()
    optimizer = build(base(net), net, STEPS)
    for x, y in zip(*(each.split(BATCH) for each in data()), strict=True):
        _step(optimizer, net, x, y, Tensor.backward)
    return optimizer


def in_fabric(build: Build, folder: Path) -> sssam.SharpnessAware:
    """The two lines, through Fabric's proxies."""
    lightning_fabric = pytest.importorskip("lightning_fabric", reason="Fabric is not installed")
    fabric, net = lightning_fabric.Fabric(accelerator="cpu", devices=1), Net()
    model, optimizer = fabric.setup(net, build(base(net), net, STEPS))
    for x, y in zip(*(each.split(BATCH) for each in data()), strict=True):
        _step(optimizer, model, x, y, fabric.backward)
    return sssam.unwrap(optimizer)


def in_accelerate(build: Build, folder: Path) -> sssam.SharpnessAware:
    """The two lines, around Accelerate's proxies."""
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
    accelerator, net = accelerate.Accelerator(cpu=True), Net()
    loader = DataLoader(TensorDataset(*data()), batch_size=BATCH)
    model, optimizer, loader = accelerator.prepare(net, build(base(net), net, STEPS), loader)
    for x, y in loader:
        _step(optimizer, model, x, y, accelerator.backward)
    return sssam.unwrap(optimizer)


class Named(Net):
    """What Transformers takes: named inputs, and the loss among the outputs."""

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        scores = super().forward(x)
        return {"loss": cross_entropy(scores, labels), "logits": scores}


def in_transformers(build: Build, folder: Path, stops: int = STEPS) -> sssam.SharpnessAware:
    """The Trainer's training, which a callback may stop."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    from sssam.integrations.transformers import SharpnessAwareTrainer

    how = {"use_cpu": True, "report_to": [], "save_strategy": "no", "disable_tqdm": True}
    how |= {"per_device_train_batch_size": BATCH, "max_steps": STEPS, "logging_strategy": "no"}
    rows = [{"x": x, "labels": int(y)} for x, y in zip(*data(), strict=True)]

    def sharpness(_: Any, total_steps: int, model: nn.Module) -> sssam.SharpnessAware:
        return build(base(model), model, total_steps)

    class Early(transformers.TrainerCallback):  # type: ignore[misc, name-defined]
        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            control.should_training_stop = state.global_step >= stops

    arguments = transformers.TrainingArguments(str(folder), **how)
    how = {"train_dataset": rows, "sharpness": sharpness, "callbacks": [Early()]}
    trainer = SharpnessAwareTrainer(Named(), arguments, **how)
    trainer.train()
    return sssam.unwrap(trainer.optimizer)


def in_lightning(build: Build, folder: Path, stops: int = STEPS) -> sssam.SharpnessAware:
    """Lightning's training with our callback, which another may stop."""
    pl = pytest.importorskip("lightning.pytorch", reason="lightning is not installed")
    from sssam.integrations.lightning import SharpnessAwareCallback

    class Module(pl.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = Net()

        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            return cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return build(base(self.net), self.net, STEPS)

    class Early(pl.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_end(self, trainer: Any, *args: Any) -> None:
            trainer.should_stop = trainer.global_step >= stops

    module = Module()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(
        callbacks=[SharpnessAwareCallback(), Early()],
        accelerator="cpu",
        devices=1,
        max_epochs=1,
        enable_model_summary=False,
        **quiet,
    )
    trainer.fit(module, DataLoader(TensorDataset(*data()), batch_size=BATCH))
    return sssam.unwrap(trainer.optimizers[0])


def in_skorch(build: Build, folder: Path) -> sssam.SharpnessAware:
    """An estimator's fit."""
    pytest.importorskip("skorch", reason="skorch is not installed")
    from sssam.integrations.skorch import SharpnessAwareClassifier

    def sharpness(_: Any, module: nn.Module) -> sssam.SharpnessAware:
        return build(base(module), module, STEPS)

    estimator = SharpnessAwareClassifier(
        Net,
        sharpness=sharpness,
        criterion=nn.CrossEntropyLoss,
        batch_size=BATCH,
        max_epochs=1,
        train_split=None,
        verbose=0,
    )
    x, y = data()
    estimator.fit(x.numpy(), y.numpy())
    return estimator.optimizer_
