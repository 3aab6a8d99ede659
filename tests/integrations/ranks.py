"""Lightning and Transformers on the ranks of torchrun, each with its share of every batch.

`python -m tests.integrations.ranks OUT SHARE`: writes the weights that each trainer ends with; one
process with twice the share must end alike.
"""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
import transformers
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import sssam
from sssam.integrations.lightning import SharpnessAwareCallback
from sssam.integrations.transformers import SharpnessAwareTrainer
from sssam.schedules import constant

SAMPLES = 64


def sharpness(base: Any, total_steps: int, model: nn.Module) -> sssam.SharpnessAware:
    """Half of the steps sharpness-aware, with a mix."""
    half = constant(0.5)
    return sssam.SSSAM(base, schedule=half, total_steps=total_steps, rho=0.1, mix=0.4, model=model)


class Net(nn.Module):
    """Small, in float64, and served as both trainers ask."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)).double()

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """The loss, under the name that Trainer reads."""
        return {"loss": cross_entropy(self.layers(x), labels)}


class Module(pl.LightningModule):  # type: ignore[misc]
    """The same for Lightning."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        """The loss of this rank's share."""
        return self.net(*batch)["loss"]

    def configure_optimizers(self) -> Any:
        """SS-SAM around SGD."""
        base = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
        return sharpness(base, 8, self.net)


def by_lightning(x: torch.Tensor, y: torch.Tensor, share: int, ranks: int) -> nn.Module:
    """Two epochs of 4 steps, of 2 micro-batches each."""
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=ranks,
        strategy="ddp" if ranks > 1 else "auto",
        precision="64-true",
        max_epochs=2,
        accumulate_grad_batches=2,
        gradient_clip_val=0.2,
        callbacks=[SharpnessAwareCallback()],
        use_distributed_sampler=False,  # Lightning's shuffles
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module, data = Module(), TensorDataset(x, y)
    rank = int(os.environ.get("RANK", "0"))
    mine = DistributedSampler(data, ranks, rank, shuffle=False)
    trainer.fit(module, DataLoader(data, batch_size=share, sampler=mine))
    return module.net


def by_transformers(x: torch.Tensor, y: torch.Tensor, share: int, out: str) -> nn.Module:
    """The same by Trainer."""
    arguments = transformers.TrainingArguments(
        out,
        use_cpu=True,
        num_train_epochs=2,
        per_device_train_batch_size=share,
        gradient_accumulation_steps=2,
        learning_rate=0.1,
        optim="sgd",
        max_grad_norm=0.2,
        train_sampling_strategy="sequential",
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
    )
    data = [{"x": a, "labels": b} for a, b in zip(x, y, strict=True)]
    trainer = SharpnessAwareTrainer(Net(), arguments, train_dataset=data, sharpness=sharpness)
    trainer.train()
    return trainer.accelerator.unwrap_model(trainer.model)


def main(out: str, share: int) -> None:
    """Train by both, and write each rank's weights."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(SAMPLES, 5, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (SAMPLES,), generator=generator)
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    ends = [by_transformers(x, y, share, out), by_lightning(x, y, share, ranks)]
    weights = [dict(net.named_parameters()) for net in ends]
    torch.save(weights, Path(out) / f"rank{os.environ.get('RANK', '0')}of{ranks}.pt")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
