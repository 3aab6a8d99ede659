"""A causal transformer that predicts a text's next byte: `sssam compare examples/tasks/text.py`.

Put a file of your own in the place of the text, which is a part of Python's library: that is always
at hand.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

from sssam.lab import Problem

SETTINGS = {
    "epochs": 10,
    "batch_size": 32,
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "weight_decay": 0.1,
}
LENGTH = 64


class Bytes(nn.Module):
    """Scores of the next byte at each position, (n, LENGTH, 256)."""

    def __init__(self, width: int = 64, depth: int = 2) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(256, width), nn.Embedding(LENGTH, width)
        layers = [
            nn.TransformerEncoderLayer(
                width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=True
            )
            for _ in range(depth)
        ]
        self.layers, self.head = nn.ModuleList(layers), nn.Linear(width, 256)
        mask = nn.Transformer.generate_square_subsequent_mask(LENGTH)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, text: Tensor) -> Tensor:
        hidden = self.tokens(text) + self.places.weight
        for layer in self.layers:
            hidden = layer(hidden, src_mask=self.mask, is_causal=True)
        return self.head(hidden)


def task(seed: int) -> Problem:
    """Pieces of 64 bytes; the last fifth of the text tests, and a tenth of the rest validates."""
    content = Path(argparse.__file__).read_bytes()[:20_000]
    text = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    n = (len(text) - 1) // LENGTH
    inputs = text[: n * LENGTH].long().view(n, LENGTH)
    targets = text[1 : n * LENGTH + 1].long().view(n, LENGTH)
    order = torch.randperm(n - n // 5)
    validation, train, test = order[: n // 10], order[n // 10 :], torch.arange(n - n // 5, n)
    parts = ((inputs[part], targets[part]) for part in (train, validation, test))
    return Problem(Bytes(), *parts, metric_name="bytes predicted")
