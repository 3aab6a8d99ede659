"""Fine-tuning on text: a causal transformer that predicted words learns what a gloss defines.

`pretrain.py` writes glosses and weights. From 300 labelled glosses of WordNet's nouns the network
learns which of ten kinds (person, plant, artefact, act, ...) the noun is of.
"""

import functools
from pathlib import Path

import torch
from torch import Tensor, nn

from sssam.lab import Problem

DATA = Path(__file__).parents[1] / "data/glosses.pt"
SETTINGS = {
    "epochs": 8,
    "batch_size": 50,
    "optimizer": "adamw",
    "learning_rate": 2e-3,
    "weight_decay": 0.1,
}
WORDS, LENGTH, WIDTH, DEPTH, KINDS = 8_000, 24, 64, 2, 10
TEST, VALIDATION, TRAIN, TIMES = 10_000, 2_000, 300, 4


class Transformer(nn.Module):
    """Reads word numbers, (n, LENGTH), of which 0 is none, and has a state for each word."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        layers = [
            nn.TransformerEncoderLayer(
                WIDTH, 4, 4 * WIDTH, dropout=0.0, batch_first=True, norm_first=True
            )
            for _ in range(DEPTH)
        ]
        self.layers, self.norm = nn.ModuleList(layers), nn.LayerNorm(WIDTH)
        mask = nn.Transformer.generate_square_subsequent_mask(LENGTH)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, text: Tensor) -> Tensor:
        hidden = self.words(text) + self.places.weight
        for layer in self.layers:
            hidden = layer(hidden, src_mask=self.mask, is_causal=True)
        return self.norm(hidden)


class Classifier(nn.Module):
    """Scores of the kinds, (n, KINDS), from the mean state over a gloss's words."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Transformer()
        self.head = nn.Sequential(nn.Dropout(0.0), nn.Linear(WIDTH, KINDS))

    def forward(self, text: Tensor) -> Tensor:
        is_word = (text > 0).unsqueeze(-1)
        states = self.body(text) * is_word
        return self.head(states.sum(1) / is_word.sum(1))


@functools.cache
def stored() -> dict[str, Tensor]:
    """Glosses as word numbers, (n, LENGTH); their kinds, (n,); and weights by their names."""
    content: dict[str, Tensor] = torch.load(DATA, weights_only=True)
    return content


def task(seed: int) -> Problem:
    """The first 10,000 glosses test, whatever the seed; the rest is drawn anew for each."""
    x, y = stored()["glosses"], stored()["kinds"]
    order = TEST + torch.randperm(len(x) - TEST)
    validation, train = order[:VALIDATION], order[VALIDATION : VALIDATION + TRAIN].repeat(TIMES)
    model = Classifier()
    weights = {k.removeprefix("weights."): v for k, v in stored().items() if "weights." in k}
    model.body.load_state_dict(weights)
    parts = ((x[part], y[part]) for part in (train, validation, torch.arange(TEST)))
    return Problem(model, *parts)
