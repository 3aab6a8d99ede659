"""A small Lightning module and how the tests run it."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

import sssam
from sssam.schedules import constant

pl = pytest.importorskip("lightning.pytorch", reason="lightning is not installed")
from lightning.pytorch.plugins.precision import MixedPrecision  # noqa: E402

from sssam.integrations.lightning import SharpnessAwareCallback  # noqa: E402

BATCHES, SIZE, SCALE = 8, 4, 2.0**8


def samples() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(BATCHES * SIZE, 5, generator=generator)
    return x, torch.randint(3, (len(x),), generator=generator)


def network(dropout: float = 0.0) -> nn.Sequential:
    torch.manual_seed(1)
    layers = [nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3)]
    return nn.Sequential(*layers)


class Module(pl.LightningModule):  # type: ignore[misc]
    """A usual module: it knows nothing of sharpness but in configure_optimizers."""

    def __init__(self, p: float = 0.5, dropout: float = 0.0, **more: Any) -> None:
        super().__init__()
        self.net, self.p, self.more = network(dropout), p, more
        self.overflows: frozenset[int] = frozenset()
        self.rates: list[float] = []
        self.norms: list[float] = []
        self.logged: list[float] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        loss = cross_entropy(self.net(x), y)
        self.log("loss", loss, on_epoch=True, on_step=False)
        return loss * (math.inf if batch_idx in self.overflows else 1.0)

    def configure_optimizers(self) -> Any:
        base = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
        schedule = constant(self.p)
        settings = {"rho": 0.1, "model": self.net, **self.more}
        optimizer = sssam.SSSAM(base, schedule=schedule, total_steps=100, **settings)
        return [optimizer], [{"scheduler": StepLR(optimizer, 3, 0.5), "interval": "step"}]

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        grads = [p.grad for p in self.net.parameters() if p.grad is not None]
        self.norms.append(nn.utils.get_total_norm(grads).item())

    def on_train_batch_end(self, *args: Any) -> None:
        self.rates.append(self.lr_schedulers().get_last_lr()[0])

    def on_train_epoch_end(self) -> None:
        self.logged.append(self.trainer.callback_metrics["loss"].item())

    @property
    def sharp(self) -> sssam.SharpnessAware:
        return sssam.unwrap(self.optimizers())


def build(precision: str = "32-true", ours: bool = True, **more: Any) -> Any:
    settings = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": 2,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        **more,
    }
    if precision == "16-mixed":  # by its name, Lightning takes bf16 instead on a CPU
        scaler = GradScaler("cpu", init_scale=SCALE, growth_interval=4)
        settings["plugins"] = [MixedPrecision("16-mixed", "cpu", scaler)]
    else:
        settings["precision"] = precision
    callbacks = [SharpnessAwareCallback()] if ours else []
    return pl.Trainer(callbacks=callbacks + settings.pop("callbacks", []), **settings)


def fit(trainer: Any, module: Module, shuffle: bool = False, **more: Any) -> Module:
    loader = DataLoader(TensorDataset(*samples()), batch_size=SIZE, shuffle=shuffle)
    torch.manual_seed(5)
    trainer.fit(module, loader, **more)
    return module
