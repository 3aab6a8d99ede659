"""A GPT-2 of 124 million parameters on text of the web, by AdamW.

The text is FineWeb's sample of 10 billion tokens, `HuggingFaceFW/fineweb` on the hub, cut into
blocks by GPT-2's tokenizer; that is done once, and kept in the cache of `datasets`. LANGUAGE_DATA
names a folder in its place: Parquet files, train*.parquet, with a column `text`, or with a column
`tokens` of blocks of equal length. An epoch is 4,800 steps, 157 million tokens, on blocks that are
drawn anew; so a training of twice the length sees new text.
"""

import functools
from collections.abc import Iterable
from typing import Any

import datasets
import loky
import numpy as np
import torch
from places import read
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import AdamW
from torch.utils.checkpoint import checkpoint
from torch.utils.data import Dataset
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from sssam.lab import Problem

SETTINGS = {"epochs": 16, "batch_size": 32, "learning_rate": 6e-4, "precision": "bf16-mixed"}
LENGTH = 1_024
EPOCH, TEST, VALIDATION = 4_800 * 32, 4_096, 2_048
#: Samples whose scores of all tokens are in memory at once.
FEW = 4


class NextToken(nn.Module):
    """The loss of each next token, and whether it had the highest score, (n, length) each.

    The scores themselves, (n, length, 50257), would be 26 GB in an evaluation: they are made for
    few samples at a time, and once more in the backward pass.
    """

    def __init__(self) -> None:
        super().__init__()
        dropout = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
        self.network = GPT2LMHeadModel(GPT2Config(use_cache=False, **dropout))

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """From blocks of length + 1 tokens."""
        states = self.network.transformer(tokens[:, :-1]).last_hidden_state
        pairs = zip(states.split(FEW), tokens[:, 1:].split(FEW), strict=True)
        how = {"use_reentrant": False, "preserve_rng_state": False}
        losses, right = zip(*(checkpoint(self.judged, *pair, **how) for pair in pairs), strict=True)
        return torch.cat(losses), torch.cat(right)

    def judged(self, states: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Losses and hits of few samples."""
        scores = self.network.lm_head(states)
        losses = cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="none")
        return losses.view(targets.shape), scores.argmax(-1) == targets


def loss(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    """The mean over the tokens of each sample, in nats."""
    return outputs[0].mean(1)


def hits(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    """The share of each sample's tokens that had the highest score."""
    return outputs[1].double().mean(1)


def adamw(parameters: Iterable[nn.Parameter], learning_rate: float) -> AdamW:
    """As GPT-3 was trained: second moments of 0.95, and weight decay of 0.1 on matrices alone."""
    given = list(parameters)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in given if p.ndim > 1], "weight_decay": 0.1},
        {"params": [p for p in given if p.ndim < 2], "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=learning_rate, betas=(0.9, 0.95))


class Blocks(Dataset[tuple[Tensor, Tensor]]):
    """Some blocks, as pairs of all their tokens and the targets; `draws` of them, or all in order.

    Each draw is torch's, and new whenever it is asked for.
    """

    def __init__(self, rows: Any, index: Tensor, draws: int | None = None) -> None:
        self.rows, self.index, self.draws = rows, index, draws

    def __len__(self) -> int:
        return len(self.index) if self.draws is None else self.draws

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        place = i if self.draws is None else int(torch.randint(len(self.index), ()))
        tokens = torch.from_numpy(self.rows[int(self.index[place])]["tokens"].astype(np.int64))
        return tokens, tokens[1:]


@functools.cache
def tokenizer() -> Any:
    """GPT-2's."""
    try:
        return AutoTokenizer.from_pretrained("gpt2")
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"GPT-2's tokenizer can't be read ({error}): connect to the hub once, or set "
            "LANGUAGE_DATA to a folder whose Parquet files have a column `tokens` of blocks"
        ) from error


def cut(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
    """Blocks of one text after the other, each with an end; what is left at last is dropped."""
    end = tokenizer().eos_token_id
    rows = tokenizer()(batch["text"], verbose=False)["input_ids"]
    tokens = [token for row in rows for token in [*row, end]]
    size = LENGTH + 1
    return {"tokens": [tokens[i : i + size] for i in range(0, len(tokens) - LENGTH, size)]}


def blocks() -> Any:
    """All blocks, cut now if there is only text."""
    rows = read("LANGUAGE_DATA", "HuggingFaceFW/fineweb", "sample-10BT")["train"]
    if "tokens" not in rows.column_names:
        tokenizer()  # what is missing is said before the processes start
        kind = datasets.Features({"tokens": datasets.List(datasets.Value("uint16"))})
        how = {"batched": True, "num_proc": loky.cpu_count(), "features": kind}
        rows = rows.map(cut, remove_columns=rows.column_names, **how)
    return rows.with_format("numpy", columns=["tokens"])


def task(seed: int) -> Problem:
    """The first blocks test, whatever the seed; those that validate are drawn anew for each."""
    rows = blocks()
    test = min(TEST, len(rows) // 4)
    order = test + torch.randperm(len(rows) - test)
    validation, train = order.tensor_split([min(VALIDATION, len(order) // 4)])
    parts = Blocks(rows, validation), Blocks(rows, torch.arange(test))
    drawn = Blocks(rows, train, draws=min(EPOCH, len(train)))
    judged = {"loss": loss, "metric": hits, "metric_name": "tokens predicted"}
    return Problem(NextToken(), drawn, *parts, optimizer=adamw, **judged)
