"""A small BERT under Trainer, and how the tests run it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.amp import GradScaler

import sssam
from sssam.schedules import constant

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("accelerate", reason="accelerate is not installed")
from sssam.integrations.transformers import SharpnessAwareTrainer  # noqa: E402

WORDS, LENGTH, SAMPLES, MICRO, SCALE = 12, 6, 40, 4, 2.0**8


def small_model(dropout: float = 0.0) -> Any:
    torch.manual_seed(1)
    config = transformers.BertConfig(
        vocab_size=WORDS,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=LENGTH,
        num_labels=3,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    return transformers.BertForSequenceClassification(config)


def token_data() -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(3)
    tokens = torch.randint(WORDS, (SAMPLES, LENGTH), generator=generator)
    return [{"input_ids": row, "labels": int(row[0]) % 3} for row in tokens]


def training_arguments(folder: Path, **more: Any) -> Any:
    settings: dict[str, Any] = {
        "use_cpu": True,
        "max_steps": 12,
        "per_device_train_batch_size": MICRO,
        "gradient_accumulation_steps": 2,
        "learning_rate": 1e-2,
        "report_to": [],
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_strategy": "no",
        "train_sampling_strategy": "sequential",
    }
    return transformers.TrainingArguments(str(folder), **{**settings, **more})


def wrapping(p: float, **more: Any) -> Any:
    def wrap(base: Any, total_steps: int, model: nn.Module) -> sssam.SharpnessAware:
        assert total_steps == 12
        schedule = constant(p)
        return sssam.SSSAM(base, schedule=schedule, total_steps=total_steps, model=model, **more)

    return wrap


def build_trainer(
    folder: Path,
    kind: type = SharpnessAwareTrainer,
    *,
    dropout: float = 0.0,
    precision: str = "fp32",
    more: Any = None,
    **own: Any,
) -> Any:
    kinds = {"bf16": precision == "bf16", "fp16": precision == "fp16"}
    arguments = training_arguments(folder, **kinds, **(more or {}))
    trainer = kind(small_model(dropout), arguments, train_dataset=token_data(), **own)
    if precision == "fp16":  # Accelerate makes a scaler on GPUs alone; all around it runs here too
        trainer.accelerator.scaler = GradScaler("cpu", init_scale=SCALE, growth_interval=4)
        trainer.accelerator.native_amp = True
    return trainer
