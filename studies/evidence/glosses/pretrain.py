"""Pre-trains the network of `glosses.py` and writes `studies/evidence/data/glosses.pt`.

    python studies/evidence/glosses/pretrain.py --wordnet /usr/share/wordnet

The folder is that of Debian's `wordnet-base`. 30,000 glosses of the ten largest kinds of nouns,
drawn once, are for `glosses.py`; on all others the network learns to predict the next word, for
five epochs of AdamW, some minutes of one core. Their kinds are not looked at. Those of the ten
largest kinds of verbs, which are among them, are for `verbs.py`.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

import torch
from glosses import DATA, KINDS, LENGTH, WIDTH, WORDS, Transformer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import OneCycleLR

EPOCHS, BATCH, POOL = 5, 128, 30_000


def read(wordnet: Path) -> list[tuple[str, list[str]]]:
    """Of each entry the number of its kind and the words of its gloss, without examples."""
    texts = (path.read_text("ascii", "ignore") for path in sorted(wordnet.glob("data.*")))
    entries = (line.split(" | ", 1) for text in texts for line in text.splitlines())
    return [
        (entry[0].split()[1], re.findall(r"[a-z]+|\d", entry[1].split('; "')[0].lower())[:LENGTH])
        for entry in entries
        if len(entry) == 2
    ]


def numbers(glosses: list[list[str]]) -> Tensor:
    """Word numbers, (n, LENGTH): 0 is no word, 1 a rare one."""
    count = Counter(word for gloss in glosses for word in gloss)
    known = {word: i for i, (word, _) in enumerate(count.most_common(WORDS - 2), start=2)}
    rows = [[known.get(word, 1) for word in gloss] for gloss in glosses]
    return torch.tensor([row + [0] * (LENGTH - len(row)) for row in rows])


def pretrained(text: Tensor) -> dict[str, Tensor]:
    """Weights after `EPOCHS` of predicting each next word."""
    body, head = Transformer(), nn.Linear(WIDTH, WORDS)
    weights = [*body.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=3e-3, weight_decay=0.05)
    steps = EPOCHS * -(-len(text) // BATCH)
    scheduler = OneCycleLR(optimizer, 3e-3, steps, pct_start=0.1)
    for epoch in range(EPOCHS):
        total = 0.0
        for index in torch.randperm(len(text)).split(BATCH):
            inputs, targets = text[index, :-1], text[index, 1:]
            padded = nn.functional.pad(inputs, (0, 1))
            states, found = body(padded)[:, :-1], targets > 0
            loss = cross_entropy(head(states[found]), targets[found])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            scheduler.step()
            total += loss.item() * len(index)
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {total / len(text):.3f}", flush=True)
    return body.state_dict()


def labelled(kinds: list[str]) -> Tensor:
    """The number of each kind among the `KINDS` largest ones, -1 for others; "" is none."""
    largest = {k: i for i, (k, _) in enumerate(Counter(filter(None, kinds)).most_common(KINDS))}
    return torch.tensor([largest.get(kind, -1) for kind in kinds])


def main() -> None:
    """Everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wordnet", type=Path, required=True)
    torch.manual_seed(0)
    entries = [entry for entry in read(parser.parse_args().wordnet) if entry[1]]
    text = numbers([gloss for _, gloss in entries])
    nouns = labelled([kind if "03" < kind < "29" else "" for kind, _ in entries])
    verbs = labelled([kind if "29" <= kind < "44" else "" for kind, _ in entries])
    among = (nouns >= 0).nonzero().squeeze(1)
    pool = among[torch.randperm(len(among))[:POOL]]
    others = torch.ones(len(text), dtype=torch.bool).index_fill(0, pool, value=False)
    weights = pretrained(text[others])
    mixed = torch.randperm(int((verbs >= 0).sum()))
    DATA.parent.mkdir(exist_ok=True)
    content = {"glosses": text[pool], "kinds": nouns[pool]}
    content |= {"verbs": text[verbs >= 0][mixed], "verb_kinds": verbs[verbs >= 0][mixed]}
    torch.save(content | {f"weights.{k}": v for k, v in weights.items()}, DATA)


if __name__ == "__main__":
    main()
