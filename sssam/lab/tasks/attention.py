"""Small transformers of torch's own layers: for images, and for text as bytes."""

import torch
from torch import Tensor, nn

from sssam.lab.tasks.form import Form


def _layers(depth: int, width: int, heads: int, dropout: float) -> nn.ModuleList:
    # Not nn.TransformerEncoder, which begins with `depth` copies of one layer's weights.
    for name, value in (("depth", depth), ("width", width), ("heads", heads)):
        if value < 1:
            raise ValueError(f"{name} is {value}, must be at least 1")
    if width % heads:
        raise ValueError(f"width is {width}, must be a multiple of heads, which is {heads}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}, must be in [0, 1)")
    return nn.ModuleList(
        nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
        )
        for _ in range(depth)
    )


class VisionTransformer(nn.Module):
    """Patches through transformer layers, the norm before each part; then the mean of them.

    Dosovitskiy et al. 2020 (arXiv 2010.11929), with the mean in the place of a class token, as in
    Beyer et al. 2022 (arXiv 2205.01580), and positions that are learned.

    Args:
        form: images whose height and width are multiples of `patch`.
        depth: layers, at least 1.
        width: of each position, a multiple of `heads`.
        heads: of each layer's attention.
        patch: side of a patch in pixels.
        dropout: in [0, 1).

    Raises:
        ValueError: sizes that do not fit.
    """

    def __init__(
        self,
        form: Form,
        depth: int = 6,
        width: int = 192,
        heads: int = 3,
        patch: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        channels, tall, wide = form.shape
        if patch < 1 or tall % patch or wide % patch:
            raise ValueError(f"patch is {patch}, must divide the images' {tall} x {wide} pixels")
        self.layers = _layers(depth, width, heads, dropout)
        self.patches = nn.Conv2d(channels, width, patch, patch)
        places = (tall // patch) * (wide // patch)
        self.positions = nn.Parameter(torch.randn(1, places, width) * 0.02)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, form.classes)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        for layer in self.layers:
            hidden = layer(hidden)
        logits: Tensor = self.head(self.norm(hidden).mean(1))
        return logits


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
        ValueError: sizes that do not fit.
    """

    def __init__(
        self, form: Form, depth: int = 2, width: int = 128, heads: int = 4, dropout: float = 0.0
    ) -> None:
        super().__init__()
        assert form.vocabulary is not None
        (length,) = form.shape
        self.each_position = form.each_position
        self.layers = _layers(depth, width, heads, dropout)
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
