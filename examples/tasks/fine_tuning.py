"""A model of Hugging Face Transformers, fine-tuned: `sssam compare examples/tasks/fine_tuning.py`.

Without MODEL it is a small BERT with random weights, over the words of a grammar's sentences.
"""

import os
import random

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig

from sssam.lab import Problem

MODEL = os.environ.get("MODEL")  # such as google/electra-small-discriminator
SETTINGS = {
    "epochs": 5,
    "batch_size": 16,
    "optimizer": "adamw",
    "learning_rate": 3e-3 if MODEL is None else 5e-5,
    "weight_decay": 0.01,
}
PRAISE, BLAME = ["fine", "bright", "warm", "lovely"], ["dull", "grim", "cold", "dreadful"]
ABOUT = ["film", "play", "book", "song", "meal"]


def sentences(n: int) -> tuple[list[str], torch.Tensor]:
    """Two judgements each, and whether the latter, which counts, is praise."""
    source, texts, labels = random.Random(0), [], []
    for _ in range(n):
        first, last = source.choice(PRAISE + BLAME), source.choice(PRAISE + BLAME)
        texts.append(f"the {source.choice(ABOUT)} seemed {first} but was {last}")
        labels.append(int(last in PRAISE))
    return texts, torch.tensor(labels)


def encoded(texts: list[str]) -> dict[str, torch.Tensor]:
    """What the model is called with, by names: tensors whose first dimension counts the texts."""
    if MODEL is not None:
        return dict(AutoTokenizer.from_pretrained(MODEL)(texts, padding=True, return_tensors="pt"))
    words = sorted({word for text in texts for word in text.split()})
    return {"input_ids": torch.tensor([[words.index(w) for w in text.split()] for text in texts])}


def task(seed: int) -> Problem:
    """500 sentences, of which 200 test, whatever the seed."""
    texts, y = sentences(500)
    if MODEL is not None:
        model = AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=2)
    else:
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = BertConfig(vocab_size=32, intermediate_size=64, **sizes)
        model = AutoModelForSequenceClassification.from_config(config)
    train, validation = torch.randperm(300).split([200, 100])
    parts = (
        ({name: each[part] for name, each in encoded(texts).items()}, y[part])
        for part in (train, validation, torch.arange(300, 500))
    )
    return Problem(model, *parts)
