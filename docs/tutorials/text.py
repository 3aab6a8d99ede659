# %% [markdown]
# # Fine-tuning a text model
#
# A transformer that was pre-trained on one kind of text is fine-tuned to another task, by
# Transformers' `Trainer` and, where PEFT is installed, by LoRA: the pre-trained weights stay as
# they are, and SAM moves the adapters alone. It needs the extras `lab` and `integrations` and no
# network: the text is what Python's standard library says of itself, and the pre-trained model is
# made here.

# %%
import ast
import os
import random
import re
import sysconfig
from collections import Counter
from pathlib import Path

import altair as alt
import pandas as pd
import torch
import transformers
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification

import sssam
from sssam.integrations.transformers import SharpnessAwareTrainer
from sssam.schedules import constant, late

try:
    import peft
except ImportError:
    peft = (
        None  # all weights are fine-tuned then, which costs more memory and is what to compare with
    )

alt.renderers.enable("png", scale_factor=2)
transformers.utils.logging.disable_progress_bar()
short = "SSSAM_SHORT" in os.environ  # the tests' setting, which takes seconds
pretraining, epochs, seeds = (2, 1, 1) if short else (1500, 15, 3)

# %% [markdown]
# ## Text
# Docstrings of six packages. The task: which package is one from? A word is a token; the 2,000
# most frequent ones are known.

# %%
PACKAGES = ["asyncio", "email", "importlib", "logging", "multiprocessing", "xml"]


def docstrings(package):
    for path in sorted((Path(sysconfig.get_path("stdlib")) / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                words = re.findall(r"\w+|[^\w\s]", (ast.get_docstring(node) or "").lower())
                if len(words) >= 6:
                    yield words[:48]


texts = [(words, label) for label, package in enumerate(PACKAGES) for words in docstrings(package)]
random.Random(0).shuffle(texts)
frequent = Counter(word for words, _ in texts for word in words).most_common(2000)
PAD, MASK, UNKNOWN, START = 0, 1, 2, 3  # the model's answer is read at START
known = {word: i for i, (word, _) in enumerate(frequent, 4)}
ids = [[START, *(known.get(word, UNKNOWN) for word in words)] for words, _ in texts]
labels = [label for _, label in texts]
print(len(texts), "docstrings:", " ".join(texts[0][0][:12]), "...")


def collate(rows):
    longest = max(len(row["input_ids"]) for row in rows)
    padded = torch.tensor(
        [row["input_ids"] + [PAD] * (longest - len(row["input_ids"])) for row in rows]
    )
    return {
        "input_ids": padded,
        "attention_mask": (padded != PAD).long(),
        "labels": torch.tensor([row["labels"] for row in rows]),
    }


# %% [markdown]
# ## A pre-trained model
# A small BERT learns to fill in masked words of all docstrings, without their labels. In your
# work, this is `AutoModelForSequenceClassification.from_pretrained(...)`.

# %%
sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
config = BertConfig(
    vocab_size=2004, intermediate_size=128, max_position_embeddings=49, num_labels=6, **sizes
)
torch.manual_seed(0)
masked = BertForMaskedLM(config)
adam = torch.optim.AdamW(masked.parameters(), lr=2e-3)
for _ in range(pretraining):
    chosen = torch.randint(len(ids), (32,)).tolist()
    batch = collate([{"input_ids": ids[i], "labels": 0} for i in chosen])
    hidden = (torch.rand(batch["input_ids"].shape) < 0.15) & (batch["input_ids"] != PAD)
    batch["labels"] = batch["input_ids"].masked_fill(~hidden, -100)
    batch["input_ids"] = batch["input_ids"].masked_fill(hidden, MASK)
    loss = masked(**batch).loss
    loss.backward()
    adam.step()
    adam.zero_grad()
print(f"loss of a masked word: {loss.item():.2f}")

# %% [markdown]
# ## Fine-tuning
# 300 docstrings train, 300 validate, 600 test. `SharpnessAwareTrainer` is Transformers' `Trainer`
# with one argument more: `sharpness` gets the optimizer that the arguments ask for, here AdamW,
# and wraps it.

# %%
rows = [{"input_ids": i, "labels": label} for i, label in zip(ids, labels, strict=True)]
train, validation, test = rows[:300], rows[300:600], rows[600:1200]


def pretrained():
    model = BertForSequenceClassification(config)
    model.bert.load_state_dict(masked.bert.state_dict(), strict=False)
    if peft is None:
        return model
    adapters = peft.LoraConfig(
        task_type="SEQ_CLS", r=8, target_modules=["query", "value"], modules_to_save=["pooler"]
    )
    return peft.get_peft_model(model, adapters)


VARIANTS = {
    "AdamW": {"schedule": constant(0)},
    "SAM": {"schedule": constant(1)},
    "late half, 1/4 ascent": {"schedule": late(0.5), "ascent_fraction": 1 / 4},
}


def fine_tune(name, rho, seed, evaluated):
    transformers.set_seed(seed)
    arguments = transformers.TrainingArguments(
        num_train_epochs=epochs,
        per_device_train_batch_size=20,
        learning_rate=3e-3,
        seed=seed,
        use_cpu=True,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
    )
    trainer = SharpnessAwareTrainer(
        pretrained(),
        arguments,
        train_dataset=train,
        data_collator=collate,
        sharpness=lambda base, total_steps, model: sssam.SSSAM(
            base, total_steps=total_steps, rho=rho, model=model, **VARIANTS[name]
        ),
    )
    trainer.remove_callback(transformers.PrinterCallback)  # many short trainings
    trainer.train()
    predicted = trainer.predict(evaluated)
    right = (predicted.predictions.argmax(-1) == predicted.label_ids).mean()
    return 100 * right, sssam.unwrap(trainer.optimizer).propagations


model = pretrained()
trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
print(f"{trained:,} of {sum(p.numel() for p in model.parameters()):,} weights are trained")

# %% [markdown]
# ## Tune rho
# On validation data. Adapters are small, so their best radius is not that of the whole model.

# %%
radii = [0.05] if short else [0.02, 0.2]
tuning = [
    {"variant": name, "rho": rho, "validation": fine_tune(name, rho, 100, validation)[0]}
    for name in list(VARIANTS)[1:]
    for rho in radii
]
scores = pd.DataFrame(tuning).set_index(["variant", "rho"]).validation
print(scores.unstack().round(1).to_string())
best = {name: float(scores[name].idxmax()) for name in list(VARIANTS)[1:]}

# %% [markdown]
# ## Compare
# On test data, over seeds that nothing was tuned on.

# %%
results = []
for seed in range(seeds):
    for name in VARIANTS:
        accuracy, passes = fine_tune(name, best.get(name, 0.0), seed, test)
        results.append({"variant": name, "seed": seed, "accuracy": accuracy, "passes": passes})
table = pd.DataFrame(results)
print(table.groupby("variant", sort=False)[["accuracy", "passes"]].mean().round(2).to_string())

# %% [markdown]
# ## The picture
# A mark is a seed. Where the marks of two variants overlap, these few seeds say nothing about
# which is better.

# %%
picture = (
    alt.Chart(table)
    .mark_point(size=70, filled=True, opacity=0.8)
    .encode(
        x=alt.X("passes:Q", title="passes a step", scale=alt.Scale(domain=[0.95, 2.05])),
        y=alt.Y("accuracy:Q", title="test accuracy, %", scale=alt.Scale(zero=False)),
        color=alt.Color("variant:N", title=None, sort=None),
    )
    .properties(width=520, height=260)
)
picture

# %% [markdown]
# ## What this does not say
# Three seeds of a small model show how it is done, not whether it pays. For that, make it a task
# of the laboratory, which tunes AdamW's own settings too and pairs twelve seeds:
# [Tasks](../tasks.md) has a fine-tuned model of Transformers as an example. What else `Trainer`
# does, accumulation, clipping, half precision and resuming, works as without the wrapper: [In
# your trainer](../integrations.md#transformers).
