"""A small causal transformer of torch's own layers, for text as bytes."""

import torch
from torch import Tensor, nn

from sssam.lab.tasks.form import Form


class Transformer(nn.Module):
    """Tokens through transformer layers in which each position sees itself and those before it.

    Where each position has a target (the next token), scores are (n, length, classes); else those
    of the last position, (n, classes). Vaswani et al. 2017 (arXiv 1706.03762), with the norm before
    each part and positions that are learned.

    Args:
        form: whole numbers (length,) below the vocabulary's size.
        depth: layers, at least 1.
        width: of each position, a multiple of `heads`.
        heads: of each layer's attention.
        dropout: in [0, 1).

    Raises:
        ValueError: a width that is no multiple of `heads`.
    """

    def __init__(self, form: Form, depth: int, width: int, heads: int, dropout: float) -> None:
        if width % heads:
            raise ValueError(f"width is {width}, must be a multiple of heads, which is {heads}")
        super().__init__()
        assert form.vocabulary is not None
        (length,) = form.shape
        self.each_position = form.each_position
        # Not nn.TransformerEncoder, which begins with `depth` copies of one layer's weights.
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(depth)
        )
        self.tokens = nn.Embedding(form.vocabulary, width)
        self.positions = nn.Parameter(torch.randn(1, length, width) * 0.02)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, form.classes)
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.tokens(tokens.long()) + self.positions
        for layer in self.layers:
            hidden = layer(hidden, src_mask=self.mask, is_causal=True)
        if not self.each_position:
            hidden = hidden[:, -1]
        logits: Tensor = self.head(self.norm(hidden))
        return logits
