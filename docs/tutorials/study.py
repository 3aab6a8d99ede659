# %% [markdown]
# # Reading a study
#
# `sssam compare` leaves a directory: `study.json`, one record a run, and the comparison that was
# computed from them. This tutorial reads the records of
# [studies/demo](../../studies/demo/README.md), what `make demo` finds, as a data frame, computes
# its main numbers again by hand, and looks at what the headline does not say. It trains nothing.

# %%
from pathlib import Path

import altair as alt
import pandas as pd
from scipy.stats import t

from sssam.lab.comparison.values import Comparison

alt.renderers.enable("png", scale_factor=2)
root = next(folder for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "studies").is_dir())
study = root / "studies" / "demo"

# %% [markdown]
# ## Records
# One line a run, as `sssam export` writes them. A record holds what was run (`run`: task, method,
# seed) and what came of it: scores, the steps that were sharpness-aware, the curve, seconds,
# hardware, versions.

# %%
records = pd.read_json(study / "records.jsonl.gz", lines=True)
print(len(records), "records:", ", ".join(records.columns))

# %% [markdown]
# Most of them are the tuning. Those have no test accuracy: it was not even measured, so that no
# choice can rest on it.

# %%
records["variant"] = [run["method"]["label"] for run in records.run]
records["seed"] = [run["seed"] for run in records.run]
records["rho"] = [run["method"]["rho"] for run in records.run]
records["length"] = [run["method"]["length"] for run in records.run]
tested = records[records.test_accuracy.notna()]
print(len(tested), "were tested, with seeds", tested.seed.min(), "to", tested.seed.max())

# %% [markdown]
# ## Tuning
# The mean validation accuracy of SAM at each radius, over the tuning seeds. Many radii do about
# equally well: three seeds of 400 validation images tell differences of a point, not of half a
# point.

# %%
tuned = records[records.test_accuracy.isna() & (records.variant == "SAM")]
print((100 * tuned.groupby("rho").validation_accuracy.mean()).round(1).to_string())

# %% [markdown]
# ## One number by hand
# The gain of a variant over the base is a mean of differences *at the same seed*: split, first
# weights and order of samples are then equal, and most of the noise cancels.

# %%
accuracy = 100 * tested.pivot(index="seed", columns="variant", values="test_accuracy")
gain = accuracy["late half 1/8 ascent, EMA"] - accuracy["base"]
half = t.ppf(0.975, len(gain) - 1) * gain.std() / len(gain) ** 0.5
print(f"paired:   {gain.mean():+.2f}, s = {gain.std():.2f} over seeds, 95% +- {half:.2f}")
spread = (accuracy["late half 1/8 ascent, EMA"].var() + accuracy["base"].var()) ** 0.5
print(f"unpaired: {gain.mean():+.2f}, s = {spread:.2f}")

# %% [markdown]
# The comparison has the same mean. Its interval also holds the error of the test set that all
# seeds share, which is small here ([Statistics](../statistics.md#intervals)).

# %%
comparison = Comparison.model_validate_json((study / "comparison.json").read_text())
variants = {variant.label: variant for variant in comparison.variants}
shown = variants["late half 1/8 ascent, EMA"]
print(f"{shown.to_base.mean:+.2f} [{shown.to_base.low:+.2f}, {shown.to_base.high:+.2f}]")

# %% [markdown]
# ## The claim
# More than the base is not enough: the question is whether it is more than *anything else that
# costs no more*, such as an average of the weights. `claim` has the best such control, the
# difference to it, and the p-value over all of them.

# %%
claim = shown.claim
print(
    f"{claim.control}: {claim.difference.mean:+.2f}, p = {claim.adjusted:.2f}, {claim.established=}"
)

# %% [markdown]
# ## What the headline does not say
# Which steps were sharpness-aware is in each record, as a bit a step: the late half, to the step.

# %%
run = tested[(tested.variant == "late half 1/8 ascent, EMA") & (tested.seed == 0)].iloc[0]
bits = f"{int(run.ascended, 16):0{4 * (len(run.ascended) - 2)}b}"
print(f"{run.steps} steps; sharpness-aware: {bits.count('1')}; propagations {run.propagations}")

# %% [markdown]
# ## The picture
# Each mark is a seed, each bar the 95% interval of the mean difference to the tuned base.
# Intervals that hold 0 are variants that these seeds do not tell from the base.

# %%
names = ["SAM", "SS-SAM constant", "SS-SAM late half", "late half 1/8 ascent, EMA", "base EMA"]
names = [name for name in names if name in accuracy]
gains = accuracy[names].sub(accuracy["base"], axis=0).melt(ignore_index=False, value_name="gain")
bounds = pd.DataFrame(
    [
        {"variant": name, "low": variants[name].to_base.low, "high": variants[name].to_base.high}
        for name in names
    ]
)
axis = alt.X("gain:Q", title="test accuracy over the tuned base, points")
row = alt.Y("variant:N", sort=names, title=None)
seeds = alt.Chart(gains.reset_index()).mark_tick(color="#98a2b3", thickness=2).encode(x=axis, y=row)
bars = alt.Chart(bounds).mark_rule(strokeWidth=4, color="#c14f00").encode(x="low", x2="high", y=row)
zero = alt.Chart(pd.DataFrame({"gain": [0]})).mark_rule(strokeDash=[4, 4]).encode(x="gain:Q")
picture = (zero + seeds + bars).properties(width=520, height=200)
picture

# %% [markdown]
# The page that `sssam report` writes has this for all variants, with the controls, prices in
# seconds, and flatness where it was measured: [The laboratory](../laboratory.md).
