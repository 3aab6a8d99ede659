"""A model of Hugging Face Transformers, fine-tuned: `sssam compare examples/tasks/fine_tuning.py`.

Without MODEL it is a small BERT with random weights over bytes, and sentences made of a grammar.
"""

import os
import random

import torch
from transformers import AutoModelForSequenceClassification, BertConfig

from sssam.lab import Problem

MODEL = os.environ.get("MODEL")  # such as google/electra-small-discriminator
SETTINGS = {
    "epochs": 3,
    "batch_size": 32,
    "optimizer": "adamw",
    "learning_rate": 5e-4 if MODEL is None else 5e-5,
    "weight_decay": 0.01,
}
GOOD, BAD = ["fine", "bright", "warm", "lovely"], ["dull", "grim", "cold", "dreadful"]


def sentences(n: int) -> tuple[list[str], torch.Tensor]:
    """Sentences, and whether they praise; "not" turns the meaning round."""
    source, texts, labels = random.Random(0), [], []
    for _ in range(n):
        praise, turned = source.random() < 0.5, source.random() < 0.5
        word = source.choice(GOOD if praise != turned else BAD)
        about = source.choice(["film", "play", "book", "song", "meal"])
        texts.append(f"the {about} was {'not ' if turned else ''}{word}")
        labels.append(int(praise))
    return texts, torch.tensor(labels)


def task(seed: int) -> Problem:
    """Inputs are a dict, whose entries the model gets by their names; 200 sentences test."""
    texts, y = sentences(800)
    if MODEL is None:
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = BertConfig(vocab_size=256, intermediate_size=64, **sizes)
        model = AutoModelForSequenceClassification.from_config(config)
        ids = torch.tensor([list(text.encode().ljust(32, b"\0")) for text in texts])
        x = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    else:
        from transformers import AutoTokenizer

        model = AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=2)
        x = dict(AutoTokenizer.from_pretrained(MODEL)(texts, padding=True, return_tensors="pt"))
    train, validation = torch.randperm(600).split([450, 150])
    parts = (
        ({name: each[part] for name, each in x.items()}, y[part])
        for part in (train, validation, torch.arange(600, 800))
    )
    return Problem(model, *parts)
