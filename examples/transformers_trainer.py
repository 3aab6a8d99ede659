"""Transformers: Trainer on a small BERT, built from a config, that tells what a text is about."""

import tempfile

import numpy as np
import sklearn.datasets
import torch
from torch import nn
from torch.optim import Optimizer
from transformers import BertConfig, BertForSequenceClassification, TrainingArguments, set_seed

import sssam
from sssam.integrations.transformers import SharpnessAwareTrainer


def sharpness(base: Optimizer, total_steps: int, model: nn.Module) -> sssam.SharpnessAware:
    """SS-SAM around the AdamW that Trainer builds."""
    ramp = sssam.schedules.linear(0, 1)
    return sssam.SSSAM(base, schedule=ramp, total_steps=total_steps, rho=0.02, model=model)


set_seed(0)
names = ["breast_cancer", "diabetes", "digits", "iris", "wine"]
texts = [getattr(sklearn.datasets, f"load_{name}")().DESCR.lower().split() for name in names]
number = {word: i for i, word in enumerate(sorted({word for text in texts for word in text}))}
data = [  # windows of 16 words
    {"input_ids": torch.tensor([number[word] for word in text[i : i + 16]]), "labels": label}
    for label, text in enumerate(texts)
    for i in range(len(text) - 16)
]
train = [row for i, row in enumerate(data) if i % 80 < 48]
test = [row for i, row in enumerate(data) if i % 80 >= 64]
size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
size |= {"intermediate_size": 64, "vocab_size": len(number), "num_labels": len(names)}
model = BertForSequenceClassification(BertConfig(**size))
steps = {"per_device_train_batch_size": 16, "gradient_accumulation_steps": 2, "bf16": True}
quiet = {"report_to": [], "save_strategy": "no", "disable_tqdm": True}

with tempfile.TemporaryDirectory() as folder:
    arguments = TrainingArguments(
        folder, use_cpu=True, num_train_epochs=8, learning_rate=1e-2, **steps, **quiet
    )
    trainer = SharpnessAwareTrainer(model, arguments, train_dataset=train, sharpness=sharpness)
    trainer.train()
    scores = trainer.predict(test)

accuracy = (np.argmax(scores.predictions, axis=1) == scores.label_ids).mean()
spent = sssam.unwrap(trainer.optimizer).propagations
print(f"accuracy {accuracy:.3f}, {spent:.2f} propagations a step")
