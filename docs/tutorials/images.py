# %% [markdown]
# # Classifying images
#
# Few images, a small convolutional network, and the question that every user has: does SAM help
# *here*, and what does it cost? This tutorial trains the base optimizer, SAM, and a late half of
# cheap SAM steps over several seeds, measures how flat the results are, and draws accuracy
# against price. It needs the extra `lab` and no network.

# %%
import os

import altair as alt
import pandas as pd
import torch
from scipy.stats import t
from sklearn.datasets import load_digits
from torch import nn

import sssam
from sssam import sharpness
from sssam.schedules import constant, late

alt.renderers.enable("png", scale_factor=2)
short = "SSSAM_SHORT" in os.environ  # the tests' setting, which takes seconds
epochs, seeds = (1, 2) if short else (20, 6)

# %% [markdown]
# ## Data
# scikit-learn's digits, 8 x 8 pixels. 200 images train, so that there is something to overfit;
# 300 validate, which is what choices may look at; the other 1,297 test, and are the same for
# every seed.

# %%
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32).reshape(-1, 1, 8, 8), torch.tensor(y)
order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
test, pool = order[:1297], order[1297:]


def network():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1, stride=2),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 10),
    )


# %% [markdown]
# ## Three optimizers
# You build the base optimizer, and the wrapper goes around it. A schedule of 0 is the base
# optimizer itself, bit for bit, so that one loop serves all three. The last one takes SAM steps
# in the second half only, each with its ascent on a quarter of the batch.

# %%
VARIANTS = {
    "SGD": {"schedule": constant(0)},
    "SAM": {"schedule": constant(1)},
    "late half, 1/4 ascent": {"schedule": late(0.5), "ascent_fraction": 1 / 4},
}


def wrapped(name, model, rho, total_steps):
    base = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    return sssam.SSSAM(base, total_steps=total_steps, rho=rho, model=model, **VARIANTS[name])


# %% [markdown]
# The cost is known before anything is trained: passes a step, 1 for SGD.

# %%
for name in VARIANTS:
    print(name, wrapped(name, network(), 0.1, epochs * 5).expected_propagations)

# %% [markdown]
# ## Training
# The loop goes pass by pass, so it need not know the method. A seed fixes the split, the first
# weights and the order of the batches, equally for all variants: differences are then taken seed
# by seed.


# %%
def accuracy(model, part):
    model.eval()
    with torch.no_grad():
        return 100 * (model(x[part]).argmax(1) == y[part]).float().mean().item()


def train(name, seed, rho):
    torch.manual_seed(seed)
    split = pool[torch.randperm(len(pool))]
    training, validation = split[:200], split[200:]
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = wrapped(name, model, rho, epochs * 5)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=epochs * 5)
    for _ in range(epochs):
        for batch in training[torch.randperm(200)].split(40):
            for p in optimizer.passes((x[batch], y[batch])):
                p.backward(criterion(model(p.x), p.y))
            optimizer.step()
            optimizer.zero_grad()
            scheduler.step()
    return model, optimizer, training, validation


# %% [markdown]
# ## Tune rho, on validation images and other seeds
# rho is the one number that must be tuned, for each variant by itself. The seeds 100 and on are
# not used below.

# %%
radii = [0.05] if short else [0.02, 0.05, 0.1, 0.2]
tuning = [
    {"variant": name, "rho": rho, "validation": accuracy(model, validation)}
    for name in list(VARIANTS)[1:]
    for rho in radii
    for seed in range(100, 100 + seeds // 2)
    for model, _, _, validation in [train(name, seed, rho)]
]
means = pd.DataFrame(tuning).groupby(["variant", "rho"]).validation.mean()
print(means.unstack().round(1).to_string())
chosen = {name: float(means[name].idxmax()) for name in list(VARIANTS)[1:]}
print(chosen)

# %% [markdown]
# ## Compare
# On fresh seeds, and on the test images, which nothing so far has looked at. Flatness is measured
# too: how far the training loss rises within a radius of 0.1, along SAM's own direction.

# %%
results = []
for seed in range(seeds):
    for name in VARIANTS:
        model, optimizer, training, _ = train(name, seed, chosen.get(name, 0.0))
        batches = [(x[training], y[training])]
        rise = sharpness.worst_case_rise(model, nn.CrossEntropyLoss(), batches, rho=0.1)
        results.append(
            {
                "variant": name,
                "seed": seed,
                "accuracy": accuracy(model, test),
                "passes": optimizer.propagations,
                "rise": rise.one_step,
            }
        )
table = pd.DataFrame(results)
print(
    table.groupby("variant", sort=False)[["accuracy", "passes", "rise"]].mean().round(4).to_string()
)

# %% [markdown]
# Differences to SGD, paired by seed, with their 95% intervals (Student's t). **Is 0 inside? Then
# the seeds do not tell the two apart**, whatever the means say.

# %%
wide = table.pivot(index="seed", columns="variant", values="accuracy")
for name in list(VARIANTS)[1:]:
    gain = wide[name] - wide["SGD"]
    half = t.ppf(0.975, seeds - 1) * gain.std() / seeds**0.5
    print(
        f"{name}: {gain.mean():+.2f} points [{gain.mean() - half:+.2f}, {gain.mean() + half:+.2f}]"
    )

# %% [markdown]
# ## The picture
# Each seed is a thin line from SGD to the other two; the thick marks are means. Do the lines go
# up together, or in all directions?

# %%
lines = (
    alt.Chart(table)
    .mark_line(color="#98a2b3", strokeWidth=1, point={"size": 20, "color": "#98a2b3"})
    .encode(
        x=alt.X("passes:Q", title="passes a step", scale=alt.Scale(domain=[0.95, 2.05])),
        y=alt.Y("accuracy:Q", title="test accuracy, %", scale=alt.Scale(zero=False)),
        detail="seed:N",
    )
)
marks = (
    alt.Chart(table.groupby("variant", as_index=False)[["accuracy", "passes"]].mean())
    .mark_point(size=140, filled=True, opacity=1)
    .encode(x="passes:Q", y="accuracy:Q", color=alt.Color("variant:N", title=None, sort=None))
)
picture = (lines + marks).properties(width=520, height=280)
picture

# %% [markdown]
# ## What this does not say
# Six seeds of one small task, with the base's learning rate, weight decay and length as they were
# given: tune those too before you believe a gain. `sssam compare` does all of it, with the
# controls that cost the same: [a task of your own](../tasks.md). How to read what it writes is
# [the third tutorial](study.py).
